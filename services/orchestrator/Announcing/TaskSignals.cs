using System.Collections.Concurrent;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Announcing;

/// <summary>Wakes those who wait for a task at this replica. A hint: whoever waits looks again, and once a second anyway.</summary>
internal sealed class TaskSignals
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<TaskKey, TaskCompletionSource> waiting = new();

    public void Raise(TaskKey task)
    {
        if (waiting.TryRemove(task, out var signal))
        {
            signal.TrySetResult();
        }
    }

    /// <summary>Take it before looking, wait on it after: what happens in between is not missed.</summary>
    public Task Next(TaskKey task) =>
        waiting.GetOrAdd(task, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public async Task WaitAsync(TaskKey task, Task signal, TimeSpan atMost, TimeProvider clock, CancellationToken stop)
    {
        try
        {
            await signal.WaitAsync(atMost < LookAgain ? atMost : LookAgain, clock, stop);
        }
        catch (TimeoutException)
        {
            // Another replica may have moved it.
            waiting.TryRemove(task, out _);
        }
    }
}
