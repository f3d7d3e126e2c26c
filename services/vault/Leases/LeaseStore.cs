using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.Vault.Announcing;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Leases;

/// <summary>Issues leases and burns them. One lease, one receipt, one dispatch: one burning.</summary>
internal sealed class LeaseStore(NpgsqlDataSource store, OutboxSignal outbox, VaultOptions options, ILogger<LeaseStore> log)
{
    /// <summary>How long a lease is good for.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    // Redemptions share these locks; a fence of the same scope takes one for itself. It is a statement of its own, before
    // anything is read: in one statement with the update, redemption and fence could each miss the other's row.
    private const string Lock =
        "select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock_shared($2)";

    private const string Burn =
        """
        update lease set state = 1, redeemed_at = clock_timestamp(), runner_instance = $9, runner_address = $10,
          receipt_origin = $11, receipt_index = $12, decision_id = $13
        where token_mac = $1 and state = 0 and expires_at > clock_timestamp()
          and tenant_id = $2 and workflow = $3 and task_id = $4 and action_digest = $5 and dispatch = $6 and epoch = $7
          and redeemer = $8
          and exists (select from generation where refuse_before <= $14)
          and $14 > clock_timestamp() - $15
          and not exists (select from fence f where f.tenant_id = $2 and f.task_id = $4
            and ((f.action_digest = '' and f.epoch > $7) or (f.action_digest = $5 and f.dispatch = $6)))
        returning lease_id, redeemed_at
        """;

    /// <summary>Writes a lease. The table is unlogged: a crash of the server empties it, and so fails closed.</summary>
    public async Task<IssuedLease> IssueAsync(LeaseTerms terms, string redeemer, VaultKeys keys, CancellationToken stop)
    {
        var token = OpaqueToken.Generate(TokenKind.Lease);
        var id = Guid.CreateVersion7();

        while (true)
        {
            await using var connection = await store.OpenConnectionAsync(stop);
            await using var command = new NpgsqlCommand(
                """
                insert into lease (token_mac, lease_id, tenant_id, workflow, task_id, action_digest, dispatch, epoch, redeemer, issued_at, expires_at)
                select $1, $2, $3, $4, $5, $6, $7, $8, $9, t.now, t.now + $10
                from generation, (select clock_timestamp() as now) t
                returning issued_at, expires_at
                """,
                connection);
            command.With(keys.MacOf(token).ToArray(), id, terms.Tenant, terms.Workflow, terms.Task, terms.Action.Hash.ToArray(), terms.Dispatch, terms.Epoch, redeemer, Lifetime);

            await command.PrepareAsync(stop);

            await using (var row = await command.ExecuteReaderAsync(stop))
            {
                if (await row.ReadAsync(stop))
                {
                    return new IssuedLease(token, id, row.GetFieldValue<DateTimeOffset>(0), row.GetFieldValue<DateTimeOffset>(1));
                }
            }

            await BeginGenerationAsync(connection, stop);
        }
    }

    /// <summary>Uses a lease up, and reads the secret that it is for. Commits before anything is opened.</summary>
    public async Task<BurnOutcome> BurnAsync(Burning burning, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);

        try
        {
            var burnt = await TryBurnAsync(connection, burning, stop);

            if (burnt is null || (burning.Secret is not null && burnt.Secret is null))
            {
                await connection.RollBackAsync();
                return burnt is null ? await ExplainAsync(connection, burning, stop) : new BurnOutcome.Refused(Reason.SecretNotFound);
            }

            // From here on the caller's patience does not matter: a lease that was read as burnt is burnt.
            await using var commit = new NpgsqlBatch(connection);
            commit.BatchCommands.Add(Outbox.Insert([CustodyFacts.Redeemed(
                burning.Terms, burnt.LeaseId, burnt.RedeemedAt, burning.Integration, burning.Secret, burnt.Secret?.Version ?? 0, burning.Runner.Instance)]));
            commit.BatchCommands.Add(new NpgsqlBatchCommand("commit"));
            await commit.PrepareAsync(CancellationToken.None);
            await commit.ExecuteNonQueryAsync(CancellationToken.None);
            outbox.Raise();
            return burnt;
        }
        catch (PostgresException error) when (error is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "lease_receipt" or "lease_redeemed" })
        {
            await connection.RollBackAsync();
            return new BurnOutcome.Refused(error.ConstraintName == "lease_receipt" ? Reason.ReceiptUsed : Reason.DispatchUsed);
        }
    }

    /// <summary>Forgets leases that nobody can ask about any more. Receipts as old as they are refused from then on.</summary>
    public Task<long> SweepAsync(CancellationToken stop) =>
        DeadRows.DeleteAsync(store, "lease", "issued_at < now() - $1", options.LeaseRetention, stop);

    private async Task<BurnOutcome.Burnt?> TryBurnAsync(NpgsqlConnection connection, Burning burning, CancellationToken stop)
    {
        var terms = burning.Terms;
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("begin"));
        batch.BatchCommands.Add(Commands.Batched(Lock, ScopeLock.OfTask(terms.Tenant, terms.Task), ScopeLock.OfDispatch(terms.Tenant, terms.Task, terms.Action, terms.Dispatch)));
        batch.BatchCommands.Add(Commands.Batched(
            Burn,
            burning.TokenMac.ToArray(), terms.Tenant, terms.Workflow, terms.Task, terms.Action.Hash.ToArray(), terms.Dispatch, terms.Epoch, burning.Redeemer,
            burning.Runner.Instance, burning.Runner.Address, burning.Receipt.Origin, burning.Receipt.Index, burning.DecisionId,
            burning.Receipt.Time, options.ReceiptAgeMax));

        if (burning.Secret is { } name)
        {
            batch.BatchCommands.Add(Commands.Batched(SecretRow.Current, terms.Tenant, name.Integration, name.Name));
        }

        await batch.PrepareAsync(stop);
        await using var rows = await batch.ExecuteReaderAsync(stop);
        await rows.NextResultAsync(stop);

        if (!await rows.ReadAsync(stop))
        {
            return null;
        }

        var burnt = new BurnOutcome.Burnt(rows.GetGuid(0), rows.GetFieldValue<DateTimeOffset>(1), null);
        return await rows.NextResultAsync(stop) && await rows.ReadAsync(stop) ? burnt with { Secret = SecretRow.Read(rows) } : burnt;
    }

    // Only looked at when the burning was refused, to say why. Nothing is decided here.
    private async Task<BurnOutcome> ExplainAsync(NpgsqlConnection connection, Burning burning, CancellationToken stop)
    {
        var terms = burning.Terms;
        await using var command = new NpgsqlCommand(
            """
            select l.state, l.lease_id, l.tenant_id, l.task_id, l.expires_at > clock_timestamp(),
              l.tenant_id = $2 and l.workflow = $3 and l.task_id = $4 and l.action_digest = $5 and l.dispatch = $6 and l.epoch = $7 and l.redeemer = $8,
              exists (select from fence f where f.tenant_id = l.tenant_id and f.task_id = l.task_id
                and ((f.action_digest = '' and f.epoch > l.epoch) or (f.action_digest = l.action_digest and f.dispatch = l.dispatch))),
              exists (select from generation where refuse_before <= $9) and $9 > clock_timestamp() - $10
            from lease l where l.token_mac = $1
            """,
            connection).With(
            burning.TokenMac.ToArray(), terms.Tenant, terms.Workflow, terms.Task, terms.Action.Hash.ToArray(), terms.Dispatch, terms.Epoch, burning.Redeemer,
            burning.Receipt.Time, options.ReceiptAgeMax);
        await using var row = await command.ExecuteReaderAsync(stop);

        if (!await row.ReadAsync(stop))
        {
            return new BurnOutcome.Refused(Reason.LeaseNotFound);
        }

        return (LeaseState)row.GetInt16(0) switch
        {
            LeaseState.Redeemed => new BurnOutcome.UsedBefore(row.GetGuid(1), row.GetString(2), row.GetGuid(3)),
            LeaseState.Revoked => new BurnOutcome.Refused(Reason.Fenced),
            _ when !row.GetBoolean(5) => new BurnOutcome.Refused(Reason.LeaseMismatch),
            _ when !row.GetBoolean(4) => new BurnOutcome.Refused(Reason.LeaseExpired),
            _ when row.GetBoolean(6) => new BurnOutcome.Refused(Reason.Fenced),
            _ when !row.GetBoolean(7) => new BurnOutcome.Refused(Reason.ReceiptTooOld),

            // Somebody else was burning it, gave up, and is gone by now. Nothing happened; the caller may ask again.
            _ => new BurnOutcome.Refused(Reason.VaultUnavailable),
        };
    }

    private async Task BeginGenerationAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        // Receipts from before the crash may have been redeemed. The margin covers a log whose clock is ahead of this store's.
        await using var command = new NpgsqlCommand(
            "insert into generation (refuse_before) values (clock_timestamp() + $1) on conflict do nothing", connection).With(DecisionTicket.Skew);

        if (await command.ExecuteNonQueryAsync(stop) > 0)
        {
            log.GenerationLost();
        }
    }
}
