using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Journal;

/// <summary>Why a write was refused, as the agent is told it.</summary>
internal static class JournalRefusals
{
    public static MeshError Explain(JournalAnswer answer) => answer switch
    {
        JournalAnswer.ClaimLost => new MeshError(
            StatusCode.FailedPrecondition, Reason.ClaimLost, "The task belongs to somebody else now. Stop working on it."),
        JournalAnswer.CancelRequested => new MeshError(
            StatusCode.FailedPrecondition, Reason.TaskEnded, "Somebody asked for the end of this task; nothing new is dispatched.")
            .With("state", "cancel_requested"),
        JournalAnswer.PositionTaken taken => new MeshError(
            StatusCode.FailedPrecondition,
            Reason.HandlerChanged,
            $"The step {taken.Step} was recorded at this place; the handler now asks for another one."),
        JournalAnswer.StepLimit limit => new MeshError(
            StatusCode.FailedPrecondition, Reason.StepLimit, $"The task has recorded all of its {limit.Max} steps.")
            .With("limit", limit.Max.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        JournalAnswer.TaskMoved { Task: null } => new MeshError(StatusCode.NotFound, Reason.TaskNotFound, "There is no such task."),
        JournalAnswer.TaskMoved { Task: { } task } => new MeshError(
            StatusCode.Aborted, Reason.TaskEnded, $"The task moved on meanwhile; it is {task.State} now.")
            .With("state", task.State.ToString()),
        JournalAnswer.CallOpen => new MeshError(
            StatusCode.Unavailable, Reason.Overloaded, "A call of the task is under way; the task ends when it is known how that went. Try again.")
        { RetryAfter = TimeSpan.FromSeconds(1) },
        JournalAnswer.StepMoved => new MeshError(
            StatusCode.Aborted, Reason.Overloaded, "Somebody else wrote to this step at the same moment. Try again."),
        _ => throw new InvalidOperationException($"An answer of type {answer.GetType().Name} is no refusal."),
    };
}
