using System.Collections.Concurrent;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Does for many tasks what a loop found to be due: beside the loop, so many at once, and one thing at a time for each.</summary>
/// <remarks>One that fails or takes long holds up no other. It rests before it is tried again, longer each time.</remarks>
internal sealed class TaskErrands(int atOnce, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan RestMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RestMax = TimeSpan.FromMinutes(1);

    // What waits outside, such as a tool that still runs, is looked at again later: the place is needed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim room = new(atOnce);
    private readonly ConcurrentDictionary<TaskKey, Errand> errands = new();

    /// <summary>Tasks that are under way or resting: not to be looked for.</summary>
    public Guid[] Busy()
    {
        var now = clock.GetUtcNow();

        foreach (var errand in errands.Where(one => !one.Value.IsUnderWay && now - one.Value.RestsUntil > RestMax))
        {
            errands.TryRemove(errand);
        }

        return [.. errands.Where(one => one.Value.IsUnderWay || one.Value.RestsUntil > now).Select(one => one.Key.Id)];
    }

    /// <summary>How many are under way.</summary>
    public int UnderWay => errands.Values.Count(errand => errand.IsUnderWay);

    /// <summary>Begins an errand, unless this task has one under way.</summary>
    /// <param name="task">The task.</param>
    /// <param name="run">Answers false when it could not be done yet.</param>
    /// <param name="stop">Ends it with the service.</param>
    public void Begin(TaskRow task, Func<CancellationToken, Task<bool>> run, CancellationToken stop)
    {
        var former = errands.GetValueOrDefault(task.Key);
        var errand = new Errand(IsUnderWay: true, former?.Failures ?? 0, default);

        if (former is null ? errands.TryAdd(task.Key, errand) : !former.IsUnderWay && errands.TryUpdate(task.Key, errand, former))
        {
            _ = RunAsync(task.Key, errand, run, stop);
        }
    }

    /// <summary>Returns when nothing is under way any more. Whoever began it has ended it before.</summary>
    public async ValueTask DisposeAsync()
    {
        for (var place = 0; place < atOnce; place++)
        {
            await room.WaitAsync();
        }

        room.Dispose();
    }

    private async Task RunAsync(TaskKey task, Errand errand, Func<CancellationToken, Task<bool>> run, CancellationToken stop)
    {
        try
        {
            await room.WaitAsync(stop);

            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
                patience.CancelAfter(Patience);

                if (await run(patience.Token))
                {
                    errands.TryRemove(task, out _);

                    return;
                }
            }
            finally
            {
                room.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops, or it took too long.
        }
        catch (Exception error)
        {
            // The outermost place for this task: the others go on, and it is tried again.
            log.TaskUntended(task.Id, error);
        }

        var rest = RestMin * (1 << Math.Min(errand.Failures, 6));
        errands[task] = new Errand(false, errand.Failures + 1, clock.GetUtcNow() + (rest < RestMax ? rest : RestMax));
    }

    private sealed record Errand(bool IsUnderWay, int Failures, DateTimeOffset RestsUntil);
}
