namespace Mesh.Vault.Leases;

/// <summary>Forgets old leases and fences, a little every minute.</summary>
internal sealed class LeaseSweep(LeaseStore leases, FenceStore fences, TimeProvider clock, ILogger<LeaseSweep> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            try
            {
                await leases.SweepAsync(stoppingToken);
                await fences.SweepAsync(stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // Old rows harm nobody; the next minute tries again.
                log.SweepFailed(error.GetType().Name);
            }
        }
    }
}
