using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Announcing;

/// <summary>
/// Wakes those who wait for a task at this replica. A hint, but for an end that is told with it: whoever waits looks again, and once
/// a second anyway.
/// </summary>
internal sealed class TaskSignals(IHostApplicationLifetime life)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly Dictionary<TaskKey, Watched> watched = [];
    private readonly CancellationToken stopping = life.ApplicationStopping;

    /// <summary>How many tasks somebody waits for.</summary>
    public int Count
    {
        get
        {
            lock (watched)
            {
                return watched.Count;
            }
        }
    }

    /// <summary>Raised with each task that moved here.</summary>
    public event Action<TaskKey>? Raised;

    /// <summary>A task moved here.</summary>
    /// <param name="task">Which one.</param>
    /// <param name="end">With the end of a task: how it now stands, so that nobody has to look.</param>
    public void Raise(TaskKey task, TaskEnd? end = null)
    {
        Wake(task, end);
        Raised?.Invoke(task);
    }

    /// <summary>Wakes those who wait for it at this replica.</summary>
    /// <param name="task">What moved.</param>
    /// <param name="end">Its end, when that is known.</param>
    public void Wake(TaskKey task, TaskEnd? end = null)
    {
        TaskCompletionSource<TaskEnd?>? signal = null;

        lock (watched)
        {
            if (watched.TryGetValue(task, out var one))
            {
                signal = one.Signal;
                one.Signal = NewSignal();
            }
        }

        signal?.TrySetResult(end);
    }

    /// <summary>Begins to watch a task. MUST be disposed of: what nobody watches is forgotten.</summary>
    public TaskWatch Watch(TaskKey task)
    {
        lock (watched)
        {
            if (!watched.TryGetValue(task, out var one))
            {
                watched[task] = one = new Watched();
            }

            one.Watchers++;

            return new TaskWatch(this, task, one);
        }
    }

    private static TaskCompletionSource<TaskEnd?> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Leave(TaskKey task, Watched one)
    {
        lock (watched)
        {
            if (--one.Watchers == 0)
            {
                watched.Remove(task);
            }
        }
    }

    /// <summary>One caller's watch.</summary>
    internal sealed class TaskWatch(TaskSignals signals, TaskKey task, Watched one) : IDisposable
    {
        /// <summary>This service stops: the caller is answered now and asks another replica.</summary>
        public bool IsStopping => signals.stopping.IsCancellationRequested;

        /// <summary>Take it before looking, wait on it after: what happens in between is not missed.</summary>
        public Task<TaskEnd?> Next()
        {
            lock (signals.watched)
            {
                return one.Signal.Task;
            }
        }

        /// <summary>Waits until somebody should look again.</summary>
        /// <returns>How the task ended, when that came with the signal: then there is nothing to look for.</returns>
        public async Task<TaskEnd?> WaitAsync(Task<TaskEnd?> signal, TimeSpan atMost, TimeProvider clock, CancellationToken stop)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop, signals.stopping);

            try
            {
                return await signal.WaitAsync(atMost < LookAgain ? atMost : LookAgain, clock, ending.Token);
            }
            catch (TimeoutException)
            {
                // Another replica may have moved it.
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // The caller of this looks once more, and sees that the service stops.
            }

            return null;
        }

        public void Dispose() => signals.Leave(task, one);
    }

    internal sealed class Watched
    {
        public int Watchers { get; set; }

        public TaskCompletionSource<TaskEnd?> Signal { get; set; } = NewSignal();
    }
}

/// <summary>How a task ended.</summary>
/// <param name="Row">Its head from then on.</param>
/// <param name="Fact">The fact that ended it.</param>
internal sealed record TaskEnd(TaskRow Row, TaskFinished Fact);
