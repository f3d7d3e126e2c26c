namespace Mesh.Vault.Leases;

/// <summary>Forgets old leases, a little every minute.</summary>
internal sealed class LeaseSweep(LeaseStore leases, TimeProvider clock, ILogger<LeaseSweep> log) : BackgroundService
{
    private const int RowsMax = 5_000;

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            try
            {
                while (!stoppingToken.IsCancellationRequested && await leases.SweepAsync(RowsMax, stoppingToken) == RowsMax)
                {
                }
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // Old rows harm nobody; the next minute tries again.
                log.SweepFailed(error.GetType().Name);
            }
        }
    }
}
