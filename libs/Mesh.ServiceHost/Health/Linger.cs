namespace Mesh.ServiceHost;

/// <summary>Keeps a stopping service open for a moment, and says in every answer that it stops: callers move to other replicas.</summary>
/// <remarks>
/// A server that stops closes connections that are quiet. A request that is on its way at that moment is lost, and its caller cannot
/// know whether it was heard. So no connection is closed before its callers had the time to be told.
/// </remarks>
internal sealed class Linger(MeshServiceOptions options, Readiness readiness, TimeProvider clock) : IHostedLifecycleService
{
    /// <summary>The header in which a stopping service's answers say so.</summary>
    public const string Header = "mesh-stopping";

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        readiness.Drain();
        await Task.Delay(options.Linger, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
