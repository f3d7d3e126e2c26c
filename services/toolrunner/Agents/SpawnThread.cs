using System.Collections.Concurrent;

namespace Mesh.Toolrunner.Agents;

/// <summary>The one thread from which agents are started.</summary>
/// <remarks>The parent-death signal comes when the starting thread ends, and a pool thread ends when it was idle for a while.</remarks>
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
                // Whoever asked hears it; the thread must live.
                started.SetException(error);
            }
        });

        return started.Task;
    }

    private static BlockingCollection<Action> Open()
    {
        var starts = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var start in starts.GetConsumingEnumerable())
            {
                start();
            }
        })
        { IsBackground = true, Name = "spawn" }.Start();

        return starts;
    }
}
