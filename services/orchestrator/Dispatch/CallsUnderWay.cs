using System.Collections.Concurrent;
using Mesh.Integrity;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>The calls that run at this replica, each once: its holder's repeat waits for the same run.</summary>
/// <remarks>
/// A run does not end when its caller hangs up, only when the service stops and its patience is over, or when the task's
/// next holder asks for the same call. Which of two holders is the next one is told by the epochs of their claims, so that
/// a holder that was replaced and does not know it yet ends nobody's run. Another call under the same step is not joined:
/// it runs beside, to be refused.
/// </remarks>
internal sealed class CallsUnderWay(IHostApplicationLifetime lifetime)
{
    private readonly ConcurrentDictionary<(TaskKey Task, StepKey Step, ActionDigest Digest), Run> running = new();

    private int count;

    /// <summary>How many run.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>Runs the call, or waits for the run that its holder asked for before.</summary>
    /// <param name="call">What is asked for.</param>
    /// <param name="epoch">The epoch of the asker's claim.</param>
    /// <param name="run">The run. Is told whether a former holder's run was waited for: then what was read before is old.</param>
    /// <param name="stop">Ends the waiting, never the run.</param>
    public async Task<CallResult> JoinAsync(
        ToolCall call, long epoch, Func<bool, CancellationToken, Task<CallResult>> run, CancellationToken stop)
    {
        var key = (call.Task, call.Step, call.Digest);
        var hasWaited = false;

        while (true)
        {
            var superseded = new CancellationTokenSource();
            var current = running.GetOrAdd(key, new Run(
                epoch, superseded, new(() => RunAsync(key, stopping => run(hasWaited, stopping), superseded.Token))));

            if (current.Epoch > epoch)
            {
                return ClaimLost();
            }

            if (current.Epoch < epoch)
            {
                // What it has dispatched it still settles; it starts nothing more.
                await current.Superseded.CancelAsync();
            }

            var result = current.Result.Value;
            await ((Task)result).WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();

            if (current.Epoch == epoch)
            {
                return result.IsCanceled && current.Superseded.IsCancellationRequested ? ClaimLost() : await result;
            }

            hasWaited = true;
        }
    }

    private static CallResult.Refused ClaimLost() => new(JournalRefusals.Explain(new JournalAnswer.ClaimLost()));

    private async Task<CallResult> RunAsync(
        (TaskKey Task, StepKey Step, ActionDigest Digest) key, Func<CancellationToken, Task<CallResult>> run, CancellationToken superseded)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopped, superseded);
        Interlocked.Increment(ref count);

        try
        {
            return await run(stop.Token);
        }
        finally
        {
            Interlocked.Decrement(ref count);
            running.TryRemove(key, out _);
        }
    }

    private sealed record Run(long Epoch, CancellationTokenSource Superseded, Lazy<Task<CallResult>> Result);
}
