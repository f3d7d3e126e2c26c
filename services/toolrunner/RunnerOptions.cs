using System.ComponentModel.DataAnnotations;
using System.Net;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner;

/// <summary>What can be chosen about a tool runner.</summary>
public sealed record RunnerOptions
{
    /// <summary>The runner's own folder.</summary>
    [Option("runner-data", "Folder of this runner alone: bundles, the agents' socket and their scratch folders. Other users must be able to pass to it when the runner is root.", Required = true)]
    public string Data { get; init; } = "";

    /// <summary>The file that says which agents run.</summary>
    [Option("agents-file", "File that holds the running agents as {\"tenant/workflow\": pid}, replaced by rename on every change; none is written without it.")]
    public string? AgentsFile { get; init; }

    /// <summary>Where agents' output goes.</summary>
    [Option("agent-logs", "Folder for what agents print, one file each; the oldest half is dropped at 2 MiB. Without it the output is thrown away.")]
    public string? AgentLogs { get; init; }

    /// <summary>How many agents this runner takes.</summary>
    [Option("agents-max", "Agents that this runner runs at the same time; more are left to other runners.")]
    [Range(0, 1_000)]
    public int AgentsMax { get; init; } = 32;

    /// <summary>Below it are the machine's own users.</summary>
    public const int AgentUidLowest = 1_000;

    /// <summary>The lowest of the user ids that agents get.</summary>
    [Option("agent-uid-base", "Lowest of the 65,536 user ids that agents get when the runner is root, one for each process.")]
    [Range(AgentUidLowest, 2_000_000_000)]
    public int AgentUidBase { get; init; } = 200_000;

    /// <summary>Where the orchestrator can ask this very runner.</summary>
    [Option("advertise", "Address at which the orchestrator reaches exactly this runner, host:port. When absent: the listen address, or where that is 0.0.0.0 or [::], the address of this machine from which the orchestrator is reached.")]
    public IPEndPoint? Advertise { get; init; }

    /// <summary>Names inside the operator's own network.</summary>
    [Option("private-hosts", "host:port entries, separated by commas, whose DNS names may lead to private addresses; any other name that does is refused.")]
    public string? PrivateHosts { get; init; }

    /// <summary>How much of the last answers is kept.</summary>
    [Option("results-bytes", "Bytes of results kept for callers that ask again within 5 minutes; above it the oldest are forgotten and count as unknown.")]
    [Range(1_048_576L, 8_589_934_592L)]
    public long ResultsBytes { get; init; } = 128L * 1024 * 1024;
}
