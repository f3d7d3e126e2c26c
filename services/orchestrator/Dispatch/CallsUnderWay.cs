using System.Collections.Concurrent;
using Mesh.Integrity;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>The calls that run at this replica, each once: its holder's repeat waits for the same run.</summary>
/// <remarks>
/// A run does not end when its caller hangs up, only when the service stops and its patience is over, or when the task's
/// next holder asks for the same call. Another call under the same step is not joined: it runs beside, to be refused.
/// </remarks>
internal sealed class CallsUnderWay(IHostApplicationLifetime lifetime)
{
    private readonly ConcurrentDictionary<(TaskKey Task, StepKey Step, ActionDigest Digest), Run> running = new();

    /// <summary>Runs the call, or waits for the run that its holder asked for before.</summary>
    /// <param name="call">What is asked for, and by whom.</param>
    /// <param name="run">The run. Is told whether a former holder's run was waited for: then what was read before is old.</param>
    /// <param name="stop">Ends the waiting, never the run.</param>
    public async Task<CallResult> JoinAsync(ToolCall call, Func<bool, CancellationToken, Task<CallResult>> run, CancellationToken stop)
    {
        var key = (call.Task, call.Step, call.Digest);
        var hasWaited = false;

        while (true)
        {
            var superseded = new CancellationTokenSource();
            var current = running.GetOrAdd(key, new Run(
                call.ClaimHash, superseded, new(() => RunAsync(key, stopping => run(hasWaited, stopping), superseded.Token))));
            var isJoined = current.ClaimHash.AsSpan().SequenceEqual(call.ClaimHash);

            if (!isJoined)
            {
                // What it has dispatched it still settles; it starts nothing more.
                await current.Superseded.CancelAsync();
            }

            var result = current.Result.Value;
            await ((Task)result).WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();

            // A joined run that was superseded: by a holder that is replaced itself and does not know it yet.
            if (isJoined && !(result.IsCanceled && current.Superseded.IsCancellationRequested))
            {
                return await result;
            }

            hasWaited = true;
        }
    }

    private async Task<CallResult> RunAsync(
        (TaskKey Task, StepKey Step, ActionDigest Digest) key, Func<CancellationToken, Task<CallResult>> run, CancellationToken superseded)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopped, superseded);

        try
        {
            return await run(stop.Token);
        }
        finally
        {
            running.TryRemove(key, out _);
        }
    }

    private sealed record Run(byte[] ClaimHash, CancellationTokenSource Superseded, Lazy<Task<CallResult>> Result);
}
