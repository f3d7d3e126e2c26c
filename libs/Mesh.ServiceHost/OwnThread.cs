namespace Mesh.ServiceHost;

/// <summary>Runs what blocks (a name server's answer, a disk) on a thread of its own.</summary>
/// <remarks>A service of a node has very few pool threads: one that waits inside the kernel would stop all requests for a while.</remarks>
public static class OwnThread
{
    private const TaskCreationOptions OnItsOwn =
        TaskCreationOptions.LongRunning | TaskCreationOptions.RunContinuationsAsynchronously | TaskCreationOptions.DenyChildAttach;

    /// <summary>Runs the work on a new thread. Whoever waits for it goes on in the pool.</summary>
    public static Task<T> RunAsync<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, OnItsOwn, TaskScheduler.Default);

    /// <inheritdoc cref="RunAsync{T}"/>
    public static Task RunAsync(Action work) => Task.Factory.StartNew(work, CancellationToken.None, OnItsOwn, TaskScheduler.Default);
}
