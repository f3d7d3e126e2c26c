using System.Collections.Concurrent;

namespace Mesh.Cli.Dev;

/// <summary>The one thread from which child processes are started.</summary>
/// <remarks>
/// The kernel sends the parent-death signal when the starting <i>thread</i> ends, not the process. A pool thread ends
/// when it was idle for a while, and would take PostgreSQL with it.
/// </remarks>
internal static class SpawnThread
{
    private static readonly BlockingCollection<Action> Starts = Open();

    public static Task<T> RunAsync<T>(Func<T> start)
    {
        var started = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(start());
            }
            catch (Exception error)
            {
                started.SetException(error);
            }
        });

        return started.Task;
    }

    private static BlockingCollection<Action> Open()
    {
        var starts = new BlockingCollection<Action>();
        var thread = new Thread(() =>
        {
            foreach (var start in starts.GetConsumingEnumerable())
            {
                start();
            }
        })
        { IsBackground = true, Name = "spawn" };
        thread.Start();

        return starts;
    }
}
