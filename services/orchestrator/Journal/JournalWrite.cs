using System.Diagnostics;
using Mesh.Integrity;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>Facts that are written together or not at all, and what must hold for them to be written.</summary>
internal sealed record JournalWrite
{
    public required TaskKey Task { get; init; }

    public required IReadOnlyList<Fact> Facts { get; init; }

    /// <summary>Whoever writes must be who they think they are.</summary>
    public required Fence Fence { get; init; }

    /// <summary>The step that the facts belong to; null for facts of the whole task.</summary>
    public StepKey? Step { get; init; }

    /// <summary>How many facts of the step the writer has seen. Another count means that somebody else was here.</summary>
    public int StepFactsSeen { get; init; }

    /// <summary>The version that the task's row had when the writer looked, for what follows from all of the task; null when that does not matter.</summary>
    public uint? VersionSeen { get; init; }

    /// <summary>Set by a submission only: the row that the first fact creates.</summary>
    public TaskRow? Creates { get; init; }

    /// <summary>With <see cref="Creates"/>: the key under which a repeat finds the first task; null for none.</summary>
    public RequestKey? Request { get; init; }

    /// <summary>With a <see cref="TaskClaimed"/>: the claim that begins.</summary>
    public NewClaim? Claim { get; init; }

    /// <summary>Steps that the task may record; one more is refused.</summary>
    public int StepsMax { get; init; } = int.MaxValue;

    public CancelRequest? RequestsCancel { get; init; }

    /// <summary>Set by the end of a dispatch that reserved a limit: what policy is told about the reservation.</summary>
    public ReservationEnd? Reservation { get; init; }

    /// <summary>Something that the task may wait for has come: it resumes, or finds it when it parks on it.</summary>
    public Arrival? Arrives { get; init; }

    /// <summary>With the end of a call: the tool that this task has now performed.</summary>
    public string? ToolDone { get; init; }

    /// <summary>The step that one of the facts belongs to; empty for facts of the whole task.</summary>
    public string StepOf(Fact fact) => fact.IsOfTask ? "" : Step!.Value.Value;

    /// <summary>The trace of whoever writes, taken here: the transaction is made by another one, for many of them.</summary>
    public string? TraceParent { get; init; } = Activity.Current?.Id;

    /// <summary>Measured by the writer, for the timeline.</summary>
    public IReadOnlyList<Span> Spans { get; init; } = [];
}

/// <summary>Who may write.</summary>
internal abstract record Fence
{
    /// <summary>The agent that holds the claim with this secret, while it holds it.</summary>
    internal sealed record Claim(byte[] Hash) : Fence;

    /// <summary>As <see cref="Claim"/>, and never once somebody asked for the task's end: what a dispatch needs.</summary>
    internal sealed record LiveClaim(byte[] Hash) : Fence;

    /// <summary>Anybody: what happened outside is recorded whoever asked for it. The step's fact count fences it.</summary>
    internal sealed record Settlement : Fence;

    /// <summary>The mesh itself, while the task is in this epoch and state.</summary>
    internal sealed record Observed(long Epoch, TaskState State) : Fence;

    /// <summary>The mesh itself, once the claim of this epoch has run out. One that was extended meanwhile stays.</summary>
    internal sealed record Overdue(long Epoch) : Fence;

    /// <summary>A submission: there is nothing to fence.</summary>
    internal sealed record Birth : Fence;
}

/// <summary>An idempotency key of a tenant and what it was used for.</summary>
/// <param name="BodyDigest">SHA-256 of what was asked for; another one under the same key is refused.</param>
internal sealed record RequestKey(string Tenant, string Key, byte[] BodyDigest);

/// <summary>A claim that begins with this write.</summary>
internal sealed record NewClaim(byte[] Hash, string Instance, TimeSpan Lasts);

/// <summary>What a task may wait for has come.</summary>
/// <param name="Name">The wait's name (<see cref="Wait.Name"/>).</param>
/// <param name="Because">What the journal says about it.</param>
internal sealed record Arrival(string Name, string Because);

/// <summary>Why somebody asked for the end of a task.</summary>
internal sealed record CancelRequest(string Reason, string Message);

/// <summary>What became of what policy reserved for a digest.</summary>
/// <param name="Dispatch">The last dispatch that ended so. What policy reserves for a later one is not touched.</param>
/// <param name="Performed">False only when it is certain that nothing happened outside.</param>
internal sealed record ReservationEnd(ActionDigest Digest, int Dispatch, bool Performed);

/// <summary>What became of a write.</summary>
internal abstract record JournalAnswer
{
    /// <summary>Durable.</summary>
    /// <param name="Task">The task's row as it now stands.</param>
    /// <param name="At">The time that its facts carry.</param>
    internal sealed record Written(TaskRow Task, DateTimeOffset At) : JournalAnswer;

    /// <summary>The request key is taken: this task was started with it before.</summary>
    internal sealed record Existed(Guid TaskId, bool SameBody) : JournalAnswer;

    /// <summary>Somebody else wrote to the step first. Read it again.</summary>
    internal sealed record StepMoved : JournalAnswer;

    /// <summary>Another step stands at this position of the branch.</summary>
    internal sealed record PositionTaken(string Step) : JournalAnswer;

    internal sealed record ClaimLost : JournalAnswer;

    internal sealed record CancelRequested : JournalAnswer;

    /// <summary>The task has moved on; for writes that follow from what the writer had observed. Read it again.</summary>
    internal sealed record TaskMoved(TaskRow? Task) : JournalAnswer;

    internal sealed record StepLimit(int Max) : JournalAnswer;

    /// <summary>A task does not end over a call whose fate is not recorded: nobody would look for it any more.</summary>
    internal sealed record CallOpen : JournalAnswer;
}
