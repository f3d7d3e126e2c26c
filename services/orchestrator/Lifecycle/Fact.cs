using Mesh.Integrity;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>What happened, in the past tense. The journal is a list of these, and the only memory that a task has.</summary>
internal abstract record Fact
{
    /// <summary>Whether it is about the whole task and not about one of its steps.</summary>
    public bool IsOfTask => this is TaskSubmitted or TaskClaimed or TaskClaimEnded or TaskParked or TaskResumed or TaskFinished;
}

/// <summary>A task was accepted: its first checkpoint.</summary>
internal sealed record TaskSubmitted(
    string Workflow,
    string WorkflowVersion,
    ReadOnlyMemory<byte> Input,
    string Initiator,
    string RequestId,
    string PolicySetDigest,
    IReadOnlyList<string> Rules) : Fact;

/// <summary>An agent took the task; the entry's epoch is the claim's.</summary>
internal sealed record TaskClaimed(string Instance, int Attempt) : Fact;

/// <summary>The claim ended without the agent finishing the task.</summary>
internal sealed record TaskClaimEnded(ClaimEnd Cause) : Fact;

/// <summary>The task waits and holds no process.</summary>
internal sealed record TaskParked(Wait On, string Message) : Fact;

/// <summary>What the task waited for has come.</summary>
internal sealed record TaskResumed(string Because) : Fact;

/// <summary>The task has ended.</summary>
internal sealed record TaskFinished(
    TaskOutcome Outcome, ReadOnlyMemory<byte> Result, string Reason, string Message, string Actor) : Fact;

/// <summary>An agent's own step: its value is returned, not computed, from now on.</summary>
internal sealed record StepRecorded(int Position, ReadOnlyMemory<byte> Value) : Fact;

/// <summary>The agent asked for a tool call.</summary>
internal sealed record CallRequested(
    int Position, string Tool, string ToolDigest, ReadOnlyMemory<byte> Arguments, ActionDigest Digest) : Fact;

/// <summary>Policy answered.</summary>
internal sealed record CallDecided(Decisions.Decision Decision) : Fact;

/// <summary>From here on a crash means "may have run", never "did not run".</summary>
internal sealed record CallDispatched(int Dispatch, DispatchPurpose Purpose) : Fact;

/// <summary>The dispatch was redeemed and its outcome is not known.</summary>
internal sealed record CallInterrupted(int Dispatch) : Fact;

/// <summary>It is certain that this dispatch had no effect.</summary>
internal sealed record CallNotSent(int Dispatch, string Reason) : Fact;

/// <summary>How the call ended, as far as anybody can know.</summary>
internal sealed record CallSettled(CallEnd End, int Dispatch, Custody? Custody) : Fact;

internal enum ClaimEnd
{
    Expired = 1,
    AgentLost = 2,
    Released = 3,
}

internal enum TaskOutcome
{
    Completed = 1,
    Failed = 2,
    Cancelled = 3,
    Denied = 4,
}

internal enum DispatchPurpose
{
    Perform = 1,
    Probe = 2,
}

/// <summary>What a parked task waits for.</summary>
internal abstract record Wait
{
    internal sealed record Approval(string Id) : Wait;

    internal sealed record Settlement(string Step) : Wait;

    internal sealed record Attention(string Reason) : Wait;

    internal sealed record Until(DateTimeOffset Time) : Wait;

    /// <summary>The name under which arrivals are matched, and which agents pass back: <c>approval:…</c>.</summary>
    public string Name => this switch
    {
        Approval a => "approval:" + a.Id,
        Settlement s => "settlement:" + s.Step,
        Attention => "attention",
        Until => "time",
        _ => throw new InvalidOperationException($"A wait of type {GetType().Name} has no name."),
    };
}

/// <summary>The end of a call.</summary>
internal abstract record CallEnd
{
    /// <summary>The target answered with success.</summary>
    internal sealed record Succeeded(ReadOnlyMemory<byte> Value, int HttpStatus, string SettledBy) : CallEnd;

    /// <summary>The target answered with an error, or a person counts the call as failed.</summary>
    internal sealed record Failed(
        string Reason, string Message, int HttpStatus, ReadOnlyMemory<byte> Value, string SettledBy) : CallEnd;

    /// <summary>Policy or a person refused it; nothing happened.</summary>
    internal sealed record Denied(string Reason, string Message, string Rule) : CallEnd;

    /// <summary>Nobody can know; a person has to say.</summary>
    internal sealed record Unknown(string Message) : CallEnd;

    /// <summary>It never left the machine and will not be tried again.</summary>
    internal sealed record NotSent(string Reason, string Message) : CallEnd;
}

/// <summary>The tickets of one dispatch, as used.</summary>
internal sealed record Custody(
    string LeaseId,
    DateTimeOffset IssuedAt,
    DateTimeOffset? RedeemedAt,
    string RunnerInstance,
    string AuditOrigin,
    long AuditIndex);
