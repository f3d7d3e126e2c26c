using Mesh.Postgres;
using Npgsql;

namespace Mesh.Audit.Schema;

/// <summary>Does not let the service start on a server whose commits would prove nothing.</summary>
internal sealed class DurabilityCheck(NpgsqlDataSource store, ILogger<DurabilityCheck> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StoreChecks.RefuseUnsafeAsync(store, cancellationToken);
        }
        catch (NpgsqlException away) when (StoreErrors.IsConnectionLost(away))
        {
            // Started before its database: not ready until that is there, and every append asks again.
            log.StoreNotThere(away);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
