namespace Mesh.Orchestrator.Lifecycle;

/// <summary>Where a task stands. The numbers are stored.</summary>
internal enum TaskState : short
{
    Ready = 1,
    Running = 2,
    WaitingApproval = 3,
    UnknownOutcome = 4,
    NeedsAttention = 5,
    BackingOff = 6,
    Completed = 7,
    Failed = 8,
    Cancelled = 9,
    Denied = 10,
}

/// <summary>Every move that a task can make.</summary>
internal static class TaskStates
{
    public static bool IsEnded(this TaskState state) => state >= TaskState.Completed;

    /// <summary>The state after one more fact of the whole task. What is not listed is refused.</summary>
    public static TaskState After(this TaskState state, Fact fact) => (state, fact) switch
    {
        (TaskState.Ready, TaskSubmitted) => TaskState.Ready,
        (TaskState.Ready, TaskClaimed) => TaskState.Running,
        (TaskState.Running, TaskClaimEnded) => TaskState.Ready,
        (TaskState.Running, TaskParked p) => Parked(p.On),
        (TaskState.Ready, TaskParked { On: Wait.Attention }) => TaskState.NeedsAttention,
        ( >= TaskState.WaitingApproval and <= TaskState.BackingOff, TaskResumed) => TaskState.Ready,
        (TaskState.Running, TaskFinished f) => Ended(f.Outcome),
        ( < TaskState.Completed, TaskFinished { Outcome: TaskOutcome.Cancelled }) => TaskState.Cancelled,
        ( < TaskState.Completed, StepRecorded or CallRequested or CallDecided or CallDispatched) => state,

        // What happened outside is recorded, whatever became of the task.
        (_, CallInterrupted or CallNotSent or CallSettled) => state,
        _ => throw new DamagedJournalException(state, fact),
    };

    private static TaskState Parked(Wait on) => on switch
    {
        Wait.Approval => TaskState.WaitingApproval,
        Wait.Settlement => TaskState.UnknownOutcome,
        Wait.Attention => TaskState.NeedsAttention,
        Wait.Until => TaskState.BackingOff,
        _ => throw new InvalidOperationException($"A task cannot wait on {on.GetType().Name}."),
    };

    private static TaskState Ended(TaskOutcome outcome) => outcome switch
    {
        TaskOutcome.Completed => TaskState.Completed,
        TaskOutcome.Failed => TaskState.Failed,
        TaskOutcome.Cancelled => TaskState.Cancelled,
        TaskOutcome.Denied => TaskState.Denied,
        _ => throw new InvalidOperationException($"A task cannot end as {outcome}."),
    };
}
