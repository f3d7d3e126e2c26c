using System.Collections.Concurrent;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>The calls that run at this replica, each once: whoever asks for one again waits for the same run.</summary>
/// <remarks>A run does not end when its caller hangs up, only when the service stops and its patience is over.</remarks>
internal sealed class CallsUnderWay(IHostApplicationLifetime lifetime)
{
    private readonly ConcurrentDictionary<(TaskKey Task, StepKey Step), Lazy<Task<CallResult>>> running = new();

    public async Task<CallResult> JoinAsync(
        (TaskKey Task, StepKey Step) call, Func<CancellationToken, Task<CallResult>> run, CancellationToken stop)
    {
        var first = new Lazy<Task<CallResult>>(() => RunAsync(call, run));

        return await running.GetOrAdd(call, first).Value.WaitAsync(stop);
    }

    private async Task<CallResult> RunAsync((TaskKey Task, StepKey Step) call, Func<CancellationToken, Task<CallResult>> run)
    {
        try
        {
            return await run(lifetime.ApplicationStopped);
        }
        finally
        {
            running.TryRemove(call, out _);
        }
    }
}
