using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.Vault.Announcing;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Leases;

/// <summary>What a second redemption sets off: one security event for a lease, and every outstanding lease of its task is revoked.</summary>
internal sealed class ReplayAlarm(NpgsqlDataSource store, OutboxSignal outbox, TimeProvider clock, ILogger<ReplayAlarm> log)
{
    public async Task RaiseAsync(BurnOutcome.UsedBefore lease, Hash256 tokenMac, string caller)
    {
        await using var connection = await store.OpenConnectionAsync(CancellationToken.None);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("begin"));
        batch.BatchCommands.Add(Commands.Batched("select pg_advisory_xact_lock($1)", ScopeLock.OfTask(lease.Tenant, lease.Task)));
        batch.BatchCommands.Add(Commands.Batched("update lease set reported = true where token_mac = $1 and not reported returning lease_id", tokenMac.ToArray()));
        batch.BatchCommands.Add(Commands.Batched("update lease set state = 2 where tenant_id = $1 and task_id = $2 and state = 0 returning lease_id", lease.Tenant, lease.Task));

        var isFirst = false;
        var revoked = 0;

        await using (var rows = await batch.ExecuteReaderAsync())
        {
            await rows.NextResultAsync();
            isFirst = await rows.ReadAsync();
            await rows.NextResultAsync();

            while (await rows.ReadAsync())
            {
                revoked++;
            }
        }

        await using var commit = new NpgsqlBatch(connection);

        // A thousand attempts with one token are one event: the alarm must not become a way to fill the log.
        if (isFirst)
        {
            commit.BatchCommands.Add(Outbox.Insert([CustodyFacts.LeaseReplayed(lease.Tenant, lease.LeaseId, lease.Task, caller, clock.GetUtcNow())]));
            log.LeaseReplayed(lease.LeaseId, lease.Task, caller, revoked);
        }

        commit.BatchCommands.Add(new NpgsqlBatchCommand("commit"));
        await commit.ExecuteNonQueryAsync();
        outbox.Raise();
    }
}
