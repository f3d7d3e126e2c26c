using Google.Protobuf;
using Grpc.Core;
using Mesh.Audit.V1;
using Mesh.Facts.V1;
using Mesh.Integrity;
using Mesh.Policy.V1;
using Mesh.Toolrunner.V1;
using Mesh.Vault.V1;

namespace EndToEnd.Tests.Custody;

/// <summary>One dispatch of one action, as somebody with the orchestrator's certificate asks for it.</summary>
internal sealed record Attempt
{
    public required string Tenant { get; init; }

    public required string Version { get; init; }

    public required string Tool { get; init; }

    public required NamedSpec ToolSpec { get; init; }

    public required NamedSpec IntegrationSpec { get; init; }

    public Guid Task { get; init; } = Guid.CreateVersion7();

    public CanonicalBytes Arguments { get; init; } = CanonicalJson.Parse("{}"u8);

    public int Dispatch { get; init; } = 1;

    public long Epoch { get; init; } = 1;

    public TicketPurpose Purpose { get; init; } = TicketPurpose.Perform;

    public string Class { get; init; } = "write";

    public string Initiator { get; init; } = "person:olga";

    public ContentDigest ToolDigest => Mesh.Integrity.ToolDigest.Compute(ToolSpec, IntegrationSpec);

    public ActionDigest Action => ActionDigest.Compute(new ActionDescription
    {
        Tenant = Tenant,
        Workflow = "probe",
        WorkflowVersion = ContentDigest.Parse(Version),
        Task = Task,
        Step = "probe#0",
        Tool = Tool,
        ToolDigest = ToolDigest,
        Arguments = Arguments,
    });

    public ByteString Digest => ByteString.CopyFrom(Action.Hash.ToArray());

    public ByteString TaskId => ByteString.CopyFrom(Task.ToByteArray(bigEndian: true));

    public DecideRequest ToDecide() => new()
    {
        Tenant = Tenant,
        Workflow = "probe",
        WorkflowVersion = Version,
        TaskId = TaskId,
        Step = "probe#0",
        Tool = Tool,
        ToolDigest = ToolDigest.ToString(),
        Arguments = ByteString.CopyFrom(Arguments.Span),
        Dispatch = Dispatch,
        Epoch = Epoch,
        Initiator = Initiator,
    };

    public AppendIntentRequest ToAppend(ByteString decision) => new()
    {
        Tenant = Tenant,
        Workflow = "probe",
        TaskId = TaskId,
        Step = "probe#0",
        Tool = Tool,
        Classes = { Class },
        ActionDigest = Digest,
        Dispatch = Dispatch,
        Epoch = Epoch,
        Purpose = Purpose.Word(),
        Decision = decision,
    };

    public IssueLeaseRequest ToLease() => new()
    {
        Tenant = Tenant,
        Workflow = "probe",
        TaskId = TaskId,
        ActionDigest = Digest,
        Dispatch = Dispatch,
        Epoch = Epoch,
    };

    public RunCallRequest ToRun(Tickets tickets) => new()
    {
        Tenant = Tenant,
        Workflow = "probe",
        WorkflowVersion = Version,
        TaskId = TaskId,
        Step = "probe#0",
        Tool = Tool,
        ToolSpec = ByteString.CopyFrom(ToolSpec.Spec.Span),
        IntegrationSpec = ByteString.CopyFrom(IntegrationSpec.Spec.Span),
        Integration = IntegrationSpec.Name,
        Arguments = ByteString.CopyFrom(Arguments.Span),
        Dispatch = Dispatch,
        Epoch = Epoch,
        Purpose = CallDispatched.Types.Purpose.Perform,
        Lease = tickets.Lease,
        Decision = tickets.Decision,
        Receipt = tickets.Receipt,
    };

    public RedeemLeaseRequest ToRedeem(Tickets tickets) => new()
    {
        Lease = tickets.Lease,
        Decision = tickets.Decision,
        Receipt = tickets.Receipt,
        ActionDigest = Digest,
        Dispatch = Dispatch,
        RunnerInstance = "liar",
        RunnerAddress = "127.0.0.1:1",
        Purpose = "perform",
    };
}

/// <summary>What a redemption needs.</summary>
internal sealed record Tickets(ByteString Decision, ByteString Receipt, string Lease);

/// <summary>What an orchestrator can ask for: the same services, and nobody between.</summary>
internal sealed class OrchestratorsSeat(Func<string, CallInvoker> to)
{
    private readonly DecisionService.DecisionServiceClient policy = new(to("policy"));
    private readonly AppendService.AppendServiceClient audit = new(to("audit"));
    private readonly LeaseService.LeaseServiceClient vault = new(to("vault"));
    private readonly RunnerService.RunnerServiceClient runner = new(to("toolrunner"));

    public async Task<DecideResponse> DecideAsync(Attempt attempt) => await policy.DecideAsync(attempt.ToDecide(), deadline: Soon());

    /// <summary>The decision of a call that policy permits.</summary>
    public async Task<ByteString> PermitAsync(Attempt attempt)
    {
        var answer = await DecideAsync(attempt);
        Assert.True(answer.OutcomeCase == DecideResponse.OutcomeOneofCase.Permitted, answer.ToString());
        return answer.Permitted.Decision;
    }

    public async Task<ByteString> AppendAsync(Attempt attempt, ByteString decision, string? log = null)
    {
        var request = attempt.ToAppend(decision);
        request.Tenant = log ?? attempt.Tenant;
        return (await audit.AppendIntentAsync(request, deadline: Soon())).Receipt;
    }

    public async Task<string> LeaseAsync(Attempt attempt) => (await vault.IssueLeaseAsync(attempt.ToLease(), deadline: Soon())).Lease;

    /// <summary>All three, honestly.</summary>
    public async Task<Tickets> CollectAsync(Attempt attempt)
    {
        var decision = await PermitAsync(attempt);
        return new Tickets(decision, await AppendAsync(attempt, decision), await LeaseAsync(attempt));
    }

    public async Task<CallReport> RunAsync(Attempt attempt, Tickets tickets) => (await runner.RunCallAsync(attempt.ToRun(tickets), deadline: Soon())).Report;

    public async Task FenceAsync(Attempt attempt, long epoch) =>
        await vault.FenceAsync(new FenceRequest { Tenant = attempt.Tenant, TaskId = attempt.TaskId, Epoch = epoch }, deadline: Soon());

    private static DateTime Soon() => DateTime.UtcNow.AddSeconds(20);
}
