using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Ends tasks that are not to go on. What is under way outside is found out and recorded first.</summary>
internal sealed class TaskEnder(JournalStore journal, OpenCalls openCalls, TaskSignals signals)
{
    /// <summary>Ends the task, or tells the agent that holds it to stop; nothing new is dispatched from now on.</summary>
    public async Task<JournalAnswer> RequestAsync(TaskRow task, string reason, string message, string actor, CancellationToken stop)
    {
        var answer = await RequestOnceAsync(task, reason, message, actor, stop);

        // Handed out, parked or resumed at the same moment: asked again of the task as it is now.
        while (answer is JournalAnswer.TaskMoved { Task: { } moved } && !moved.State.IsEnded())
        {
            answer = await RequestOnceAsync(moved, reason, message, actor, stop);
        }

        return answer;
    }

    private async Task<JournalAnswer> RequestOnceAsync(TaskRow task, string reason, string message, string actor, CancellationToken stop)
    {
        if (task.State != TaskState.Running && await FinishAsync(task, reason, message, actor, stop) is var ended and not JournalAnswer.CallOpen)
        {
            return ended;
        }

        // An agent has it, or a call is out. The request is durable before anybody is asked how that went, which may take as long
        // as the tool does: whoever ends the task later finds it.
        var requested = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, task.State),
                Facts = [],
                RequestsCancel = new CancelRequest(reason, message),
            },
            stop);
        signals.Raise(task.Key);

        return requested is JournalAnswer.Written { Task: { State: not TaskState.Running } marked }
            ? await EndAsync(marked, reason, message, actor, stop) ?? requested
            : requested;
    }

    /// <summary>Ends a task that no agent holds. Null when a call's fate could not be found out yet: it is tried again.</summary>
    public async Task<JournalAnswer?> EndAsync(TaskRow task, string reason, string message, string actor, CancellationToken stop) =>
        await openCalls.CloseAsync(task, stop) is null ? await FinishAsync(task, reason, message, actor, stop) : null;

    private async Task<JournalAnswer> FinishAsync(TaskRow task, string reason, string message, string actor, CancellationToken stop)
    {
        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, task.State),
                Facts =
                [
                    new TaskFinished(
                        TaskOutcome.Cancelled,
                        default,
                        task.CancelRequested ? task.Reason : reason,
                        task.CancelRequested ? task.Message : message,
                        actor),
                ],
            },
            stop);
        signals.Raise(task.Key);

        return answer;
    }
}
