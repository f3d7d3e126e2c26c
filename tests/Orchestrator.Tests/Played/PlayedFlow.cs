using System.Collections.Frozen;
using System.Text;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Tests.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Orchestrator.Tests.Played;

/// <summary>The flow of tool calls over a real journal, between played services.</summary>
internal sealed class PlayedFlow
{
    private static readonly CanonicalBytes Integration = Canonical("""{"http":{"baseUrl":"http://127.0.0.1:1"},"egress":["127.0.0.1:1"]}""");

    private static readonly CanonicalBytes WorkflowSpec = Canonical("""
        {"tools":["shop.write"],"agent":{"process":{"command":["x"],"bundle":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}},"input":{"type":"object"}}
        """);

    private readonly JournalFixture journal;

    public PlayedFlow(JournalFixture journal, PlayedClock? clock = null)
    {
        this.journal = journal;
        Clock = clock ?? new PlayedClock();
        Addresses = new RunnerAddresses(address => address.StartsWith("runner", StringComparison.Ordinal)
            ? new PlayedChannel(Peers)
            : throw new ArgumentException("no address", nameof(address)));
        Tools = new ToolDispatcher(new(Peers), new(Peers), new(Peers), Addresses, Clock, NullLogger<ToolDispatcher>.Instance);
        Policy = new PolicyGate(new(Peers), Clock);
        Calls = new ToolCallFlow(journal.One, Policy, Tools, Clock);
    }

    public PlayedPeers Peers { get; } = new();

    public PlayedClock Clock { get; }

    public RunnerAddresses Addresses { get; }

    public ToolDispatcher Tools { get; }

    public PolicyGate Policy { get; }

    public ToolCallFlow Calls { get; }

    /// <summary>A call of a running task, by its holder.</summary>
    public static ToolCall Call(TaskRow task, ClaimToken claim, ToolDefinition tool, string arguments = "{}")
    {
        var json = Canonical(arguments);
        _ = StepKey.TryParse("tool#0", out var step);

        return new ToolCall
        {
            Task = task.Key,
            Workflow = Workflow(tool),
            Step = step,
            Position = 0,
            Tool = tool,
            Arguments = json,
            Digest = new ActionDigest(Hash256.Of([.. task.Key.Id.ToByteArray(), .. json.Span])),
            Initiator = task.Initiator,
            ClaimHash = claim.Hash,
            Traceparent = null,
        };
    }

    /// <summary>A tool that nobody may send again unasked, unless more is said about it.</summary>
    public static ToolDefinition Tool(string more = "")
    {
        var spec = Canonical($$"""
            {"integration":"shop","class":["write"],"description":"x","input":{"type":"object"},
             "http":{"method":"POST","path":"/x","body":"{input}"},"timeout":"10s"{{more}}}
            """);

        return new ToolDefinition
        {
            Name = "shop.write",
            Digest = ContentDigest.Of(spec.Span),
            Spec = spec,
            Integration = "shop",
            IntegrationSpec = Integration,
            Manifest = (ToolManifest)Specs.Read(ManifestKind.Tool, "acme", "shop.write", spec).Content,
        };
    }

    /// <summary>One that may be sent again with its key.</summary>
    public static ToolDefinition Repeatable() => Tool(""", "repeat":{"safe":true,"key":{"header":"Idempotency-Key"}}""");

    /// <summary>One whose target can be asked.</summary>
    public static ToolDefinition Probed() =>
        Tool(""", "reconcile":{"http":{"method":"GET","path":"/x?key={idempotencyKey}"},"performedWhen":{"status":200}}""");

    public async Task<CallState> StateAsync(ToolCall call) => (await journal.One.ReadStepAsync(call.Task, call.Step, CancellationToken.None)).CallState;

    public async Task<IReadOnlyList<Fact>> FactsAsync(ToolCall call) =>
        [.. (await journal.One.ReadStepAsync(call.Task, call.Step, CancellationToken.None)).Facts.Select(entry => entry.Fact)];

    /// <summary>A call that was dispatched, and whose orchestrator died then.</summary>
    public async Task DispatchAsync(ToolCall call, params IReadOnlyList<Fact> more)
    {
        var permitted = new Decision.Permitted(new Explanation("sha256:00", [], "r", Degraded: false), "d", new byte[] { 1 }, Reserved: false, ApprovalId: "");
        Fact[] facts = [call.AsFact(), new CallDecided(permitted), new CallDispatched(1, DispatchPurpose.Perform), .. more];
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(
            new JournalWrite { Task = call.Task, Step = call.Step, Fence = new Fence.Settlement(), Facts = facts }, CancellationToken.None));
    }

    /// <summary>What an apply leaves behind of the workflow of all these calls.</summary>
    public static async Task DeclareAsync(JournalFixture journal, ToolDefinition tool, string version = "sha256:00")
    {
        await using var command = journal.Store.CreateCommand(
            """
            with declared as (
              insert into orchestrator.workflow_version(tenant_id, workflow, version, spec, tools, tool_digests)
              values ('acme', 'refund-request', $6, $1, array[$2], array[$3]) on conflict do nothing)
            insert into orchestrator.tool_definition(tenant_id, tool, tool_digest, tool_spec, integration, integration_spec)
            values ('acme', $2, $3, $4, 'shop', $5) on conflict do nothing
            """);

        foreach (var value in (object[])[WorkflowSpec.Memory.ToArray(), tool.Name, tool.Digest.ToString(), tool.Spec.Memory.ToArray(), Integration.Memory.ToArray(), version])
        {
            command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync();
    }

    private static WorkflowDefinition Workflow(ToolDefinition tool)
    {
        return new WorkflowDefinition
        {
            Tenant = "acme",
            Name = "refund-request",
            Version = "sha256:00",
            Manifest = (WorkflowManifest)Specs.Read(ManifestKind.Workflow, "acme", "refund-request", WorkflowSpec).Content,
            Tools = new Dictionary<string, ToolDefinition> { [tool.Name] = tool }.ToFrozenDictionary(),
        };
    }

    private static CanonicalBytes Canonical(string json) => CanonicalJson.TryParse(Encoding.UTF8.GetBytes(json), out var canonical, out var refusal)
        ? canonical!
        : throw new ArgumentException(refusal!.ToString(), nameof(json));
}
