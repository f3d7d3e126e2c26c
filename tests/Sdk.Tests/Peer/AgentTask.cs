using Google.Protobuf.WellKnownTypes;

namespace Mesh.Sdk.Tests.Peer;

/// <summary>A task as the peer keeps it.</summary>
internal sealed class AgentTask(string id, string workflow, Value input)
{
    public string Id => id;

    public string Workflow => workflow;

    public Value Input => input;

    public List<JournaledStep> Journal { get; } = [];

    public List<Agent.V1.FinishWorkRequest> Finishes { get; } = [];

    public int Attempt { get; set; }

    public string? Claim { get; set; }

    public bool IsCancelRequested { get; set; }

    public string? WaitsOn { get; set; }

    /// <summary>Done, failed for good, or stopped for a person to look at.</summary>
    public bool HasEnded { get; set; }

    public Agent.V1.FinishWorkRequest? Last => Finishes.LastOrDefault();
}
