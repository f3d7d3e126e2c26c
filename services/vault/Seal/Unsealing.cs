using Mesh.Postgres;
using Npgsql;

namespace Mesh.Vault.Seal;

/// <summary>Unseals the vault as soon as its store answers.</summary>
internal sealed class Unsealing(VaultSeal seal, NpgsqlDataSource store, ILogger<Unsealing> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string? told = null;

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // A fence that a power failure can undo is none.
                await StoreChecks.RefuseUnsafeAsync(store, stoppingToken);

                // A wrong key stays wrong: the vault remains sealed and says so, until it is started with the right one.
                await seal.UnsealAsync(stoppingToken);
                return;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is not UnsafeStoreException)
            {
                // Not migrated yet, not started yet, gone: all pass, and none is worth a crash loop, nor a line each time.
                var cause = error is PostgresException answered ? answered.SqlState : error.GetType().Name;

                if (cause != told)
                {
                    log.StoreNotReached(told = cause);
                }
            }

            await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
