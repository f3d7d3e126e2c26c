using System.Security.Cryptography;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>The head of a task's journal: what the entries add up to, kept beside them so that no path reads them all.</summary>
internal sealed record TaskRow
{
    public required TaskKey Key { get; init; }

    public required string Workflow { get; init; }

    public required string WorkflowVersion { get; init; }

    public required string Initiator { get; init; }

    public required TaskState State { get; init; }

    /// <summary>Grows with every claim, and never falls: tickets of an older epoch are dead.</summary>
    public required long Epoch { get; init; }

    /// <summary>Entries in the journal.</summary>
    public required long Seq { get; init; }

    public required int Attempt { get; init; }

    /// <summary>Steps and calls recorded.</summary>
    public required int Steps { get; init; }

    /// <summary>SHA-256 of the claim's secret; null while nobody holds the task.</summary>
    public byte[]? ClaimHash { get; init; }

    public string? ClaimInstance { get; init; }

    public DateTimeOffset? ClaimUntil { get; init; }

    /// <summary>The claim that ended last: its holder may ask again how that went.</summary>
    public byte[]? EndedClaimHash { get; init; }

    /// <summary>Runs that ended badly: crashes, lost claims, failures to be tried again.</summary>
    public int Failures { get; init; }

    /// <summary>When the task is given up, whatever it waits for.</summary>
    public required DateTimeOffset Deadline { get; init; }

    public bool CancelRequested { get; init; }

    /// <summary>The name of what a parked task waits for (<see cref="Wait.Name"/>).</summary>
    public string? WaitsOn { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public string Reason { get; init; } = "";

    public string Message { get; init; } = "";

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public string? Traceparent { get; init; }

    /// <summary>Tools that this task has performed, each once: what policy sees as <c>task_done</c>.</summary>
    public IReadOnlyList<string> ToolsDone { get; init; } = [];

    public WorkflowKey WorkflowKey => new(Key.Tenant, Workflow, WorkflowVersion);

    /// <summary>Whether this claim is the task's. Expiry alone takes nothing away: until somebody else took the task over, its agent may go on.</summary>
    public bool IsHeldBy(byte[] claimHash) => ClaimHash is { } held && CryptographicOperations.FixedTimeEquals(held, claimHash);

    /// <summary>The row after one more fact of its journal.</summary>
    public TaskRow After(Fact fact, DateTimeOffset now) => fact switch
    {
        TaskClaimed => this with { State = State.After(fact), Seq = Seq + 1, WaitsOn = null, NotBefore = null, Message = "", Reason = "" },
        TaskClaimEnded e => Unclaimed() with
        {
            State = State.After(fact),
            Seq = Seq + 1,
            Failures = Failures + (e.Cause == ClaimEnd.Released ? 0 : 1),
        },
        TaskParked p => Unclaimed() with
        {
            State = State.After(fact),
            Seq = Seq + 1,
            WaitsOn = p.On.Name,
            Failures = Failures + (p.On is Wait.Until ? 1 : 0),
            NotBefore = p.On is Wait.Until until ? until.Time : null,
            Reason = p.On is Wait.Attention attention ? attention.Reason : "",
            Message = p.Message,
        },
        TaskResumed => this with { State = State.After(fact), Seq = Seq + 1, WaitsOn = null, NotBefore = null, Reason = "", Message = "" },
        TaskFinished f => Unclaimed() with
        {
            State = State.After(fact),
            Seq = Seq + 1,
            WaitsOn = null,
            NotBefore = null,
            Reason = f.Reason,
            Message = f.Message,
            EndedAt = now,
        },
        StepRecorded or CallRequested => this with { State = State.After(fact), Seq = Seq + 1, Steps = Steps + 1 },
        _ => this with { State = State.After(fact), Seq = Seq + 1 },
    };

    private TaskRow Unclaimed() => this with
    {
        EndedClaimHash = ClaimHash ?? EndedClaimHash,
        ClaimHash = null,
        ClaimInstance = null,
        ClaimUntil = null,
    };
}
