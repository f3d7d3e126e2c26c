using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.Vault.Announcing;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Leases;

/// <summary>Fences: durable before they are answered, and final.</summary>
internal sealed class FenceStore(NpgsqlDataSource store, OutboxSignal outbox, VaultOptions options)
{
    private const string Raise =
        """
        insert into fence as f (tenant_id, task_id, action_digest, dispatch, epoch) values ($1, $2, $3, $4, $5)
        on conflict (tenant_id, task_id, action_digest, dispatch) do update set epoch = excluded.epoch, fenced_at = clock_timestamp()
          where f.epoch < excluded.epoch
        returning clock_timestamp()
        """;

    private const string Redeemed =
        """
        select action_digest, dispatch, runner_instance, runner_address, redeemed_at, lease_id, issued_at, receipt_origin, receipt_index
        from lease where tenant_id = $1 and task_id = $2 and ($3 = ''::bytea or (action_digest = $3 and dispatch = $4)) and state = 1
        order by redeemed_at
        """;

    // Rows are complete since the generation began, and for as long as they are kept. A table without a generation is an empty one.
    private const string CompleteSince =
        "select coalesce((select max(greatest(refuse_before, clock_timestamp() - $1)) from generation), 'infinity')";

    /// <summary>Forgets fences that stop nothing any more.</summary>
    /// <remarks>
    /// A lease ends within a minute, but its dispatch has a receipt, and with that another lease could be shown. Once the receipt is
    /// older than a lease is remembered it is refused by itself, and audit signs no second one for the dispatch.
    /// </remarks>
    public Task<long> SweepAsync(CancellationToken stop) =>
        DeadRows.DeleteAsync(store, "fence", "fenced_at < now() - $1", options.LeaseRetention, stop);

    /// <summary>Raises the fence and answers what was redeemed before it stood.</summary>
    /// <param name="scope">What is fenced.</param>
    /// <param name="since">The earliest moment at which something in the scope can have been redeemed.</param>
    /// <param name="stop">Ends the wait. Whether the fence stands is then not known; ask again.</param>
    public async Task<Fenced> FenceAsync(FenceScope scope, DateTimeOffset since, CancellationToken stop)
    {
        var (digest, dispatch, epoch) = scope switch
        {
            FenceScope.OfTask task => ([], 0, task.Epoch),
            FenceScope.OfDispatch one => (one.Action.Hash.ToArray(), one.Dispatch, 0L),
            _ => throw new ArgumentOutOfRangeException(nameof(scope)),
        };

        await using var connection = await store.OpenConnectionAsync(stop);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("begin"));

        // Waits for the redemptions under way, and lets none begin. A statement of its own: what they wrote is read after it.
        batch.BatchCommands.Add(Commands.Batched("select set_config('synchronous_commit', 'on', true), pg_advisory_xact_lock($1)", ScopeLock.Of(scope)));
        batch.BatchCommands.Add(Commands.Batched(Raise, scope.Tenant, scope.Task, digest, dispatch, epoch));
        batch.BatchCommands.Add(Commands.Batched(Redeemed, scope.Tenant, scope.Task, digest, dispatch));
        batch.BatchCommands.Add(Commands.Batched(CompleteSince, options.ReceiptAgeMax));

        DateTimeOffset? raisedAt = null;
        var redemptions = new List<PastRedemption>();
        DateTime completeSince;

        await using (var rows = await batch.ExecuteReaderAsync(stop))
        {
            await rows.NextResultAsync(stop);

            if (await rows.ReadAsync(stop))
            {
                raisedAt = rows.GetFieldValue<DateTimeOffset>(0);
            }

            await rows.NextResultAsync(stop);

            while (await rows.ReadAsync(stop))
            {
                redemptions.Add(new PastRedemption(
                    new ActionDigest(new Hash256(rows.GetFieldValue<byte[]>(0))),
                    rows.GetInt32(1), rows.GetString(2), rows.GetString(3), rows.GetFieldValue<DateTimeOffset>(4),
                    rows.GetGuid(5), rows.GetFieldValue<DateTimeOffset>(6), rows.GetString(7), rows.GetInt64(8)));
            }

            await rows.NextResultAsync(stop);
            await rows.ReadAsync(stop);
            completeSince = rows.GetDateTime(0);
        }

        await using var commit = new NpgsqlBatch(connection);

        if (raisedAt is { } at)
        {
            commit.BatchCommands.Add(Outbox.Insert([CustodyFacts.Fenced(scope, epoch, at)]));
        }

        commit.BatchCommands.Add(new NpgsqlBatchCommand("commit"));
        await commit.ExecuteNonQueryAsync(CancellationToken.None);
        outbox.Raise();

        var isKnown = scope is FenceScope.OfDispatch && redemptions.Count > 0;
        return new Fenced(redemptions, Lost: !isKnown && since.UtcDateTime < completeSince);
    }
}
