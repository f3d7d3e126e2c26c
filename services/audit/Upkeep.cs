using Mesh.Postgres;
using Npgsql;

namespace Mesh.Audit;

/// <summary>Forgets which messages were taken, once no replay can bring them again. The log itself forgets nothing.</summary>
internal sealed class Upkeep(NpgsqlDataSource store, TimeProvider clock, ILogger<Upkeep> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            try
            {
                await Inbox.TrimAsync(store, stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // Old rows harm nobody; the next time tries again.
                log.UpkeepFailed(error.GetType().Name);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
