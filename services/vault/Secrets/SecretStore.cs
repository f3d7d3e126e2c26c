using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.Vault.Announcing;
using Mesh.Vault.Seal;
using Mesh.Vault.Store;
using Npgsql;

namespace Mesh.Vault.Secrets;

/// <summary>Keeps secrets, sealed. Versions are dense and never change.</summary>
internal sealed class SecretStore(NpgsqlDataSource store, OutboxSignal outbox)
{
    // Well below the 2^32 messages after which a random nonce may come twice under one key.
    private const long WrapsMax = 1L << 31;

    private static readonly TimeSpan TenantKeyAgeMax = TimeSpan.FromDays(90);

    // For so long the version before the current one still verifies webhooks: the sender changes its key at another moment.
    private static readonly TimeSpan RotationOverlap = TimeSpan.FromHours(24);

    /// <summary>Stores the next version of a secret and makes it current.</summary>
    public async Task<PutOutcome> PutAsync(
        string tenant, SecretName name, SecretBytes value, string actor, string requestId, VaultKeys keys, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // Puts of one tenant come one after the other: version numbers stay dense, and a tenant gets one key and not two.
        await using (var turn = new NpgsqlCommand("select pg_advisory_xact_lock(hashtextextended('vault/secrets/' || $1, 0))", connection).With(tenant))
        {
            await turn.ExecuteNonQueryAsync(stop);
        }

        if (requestId.Length > 0 && await FindRequestAsync(connection, tenant, requestId, stop) is { } before)
        {
            using var was = keys.Open(tenant, before.Name, before.Sealed);
            return before.Name == name && was.FixedTimeEquals(value.Span)
                ? new PutOutcome.Put(await ReadAsync(connection, tenant, name, before.Sealed.Version, stop))
                : new PutOutcome.RequestIdReused();
        }

        var tenantKey = await TakeTenantKeyAsync(connection, tenant, keys, stop);
        var version = await NextVersionAsync(connection, tenant, name, stop);
        await InsertAsync(connection, tenant, name, keys.Seal(tenant, name, version, value, tenantKey), actor, requestId, stop);
        var put = await ReadAsync(connection, tenant, name, version, stop);
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.BatchCommands.Add(Outbox.Insert([CustodyFacts.SecretChanged(tenant, name, version, actor, put.UpdatedAt)]));
            await batch.ExecuteNonQueryAsync(stop);
        }

        await transaction.CommitAsync(stop);
        outbox.Raise();
        return new PutOutcome.Put(put);
    }

    public async Task<IReadOnlyList<SecretVersion>> ListAsync(string tenant, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            "select integration, name, version, created_at, updated_at, updated_by from secret where tenant_id = $1 order by integration, name").With(tenant);
        await using var row = await command.ExecuteReaderAsync(stop);
        var secrets = new List<SecretVersion>();

        while (await row.ReadAsync(stop))
        {
            secrets.Add(Version(row));
        }

        return secrets;
    }

    /// <summary>The versions that verify a webhook now: the current one, and during a rotation the one before.</summary>
    public async Task<IReadOnlyList<SealedSecret>> VerifyingAsync(string tenant, SecretName name, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            $"""
            select {SecretRow.Columns}
            from secret s
            join secret_version v using (tenant_id, integration, name)
            join tenant_key k using (tenant_id, key_id)
            where s.tenant_id = $1 and s.integration = $2 and s.name = $3
              and (v.version = s.version or (v.version = s.version - 1 and s.updated_at > clock_timestamp() - $4))
            order by v.version desc
            """).With(tenant, name.Integration, name.Name, RotationOverlap);
        await using var row = await command.ExecuteReaderAsync(stop);
        var versions = new List<SealedSecret>();

        while (await row.ReadAsync(stop))
        {
            versions.Add(SecretRow.Read(row));
        }

        return versions;
    }

    private static async Task<(SecretName Name, SealedSecret Sealed)?> FindRequestAsync(NpgsqlConnection connection, string tenant, string requestId, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            $"""
            select {SecretRow.Columns}, v.integration, v.name
            from secret_version v join tenant_key k using (tenant_id, key_id)
            where v.tenant_id = $1 and v.request_id = $2
            """,
            connection).With(tenant, requestId);
        await using var row = await command.ExecuteReaderAsync(stop);
        return await row.ReadAsync(stop) ? (new SecretName(row.GetString(5), row.GetString(6)), SecretRow.Read(row)) : null;
    }

    // Counts the wrap that follows. A key that is old or has wrapped enough only opens from now on.
    private static async Task<WrappedKey> TakeTenantKeyAsync(NpgsqlConnection connection, string tenant, VaultKeys keys, CancellationToken stop)
    {
        await using (var take = new NpgsqlCommand(
            """
            update tenant_key set wraps = wraps + 1
            where tenant_id = $1 and wraps < $2 and created_at > clock_timestamp() - $3
              and key_id = (select key_id from tenant_key where tenant_id = $1 order by created_at desc limit 1)
            returning key_id, wrapped
            """,
            connection).With(tenant, WrapsMax, TenantKeyAgeMax))
        {
            await using var row = await take.ExecuteReaderAsync(stop);

            if (await row.ReadAsync(stop))
            {
                return new WrappedKey(row.GetGuid(0), row.GetFieldValue<byte[]>(1));
            }
        }

        var made = keys.NewTenantKey(tenant);
        await using var insert = new NpgsqlCommand(
            "insert into tenant_key (tenant_id, key_id, wrapped, wraps) values ($1, $2, $3, 1)", connection).With(tenant, made.Id, made.Blob);
        await insert.ExecuteNonQueryAsync(stop);
        return made;
    }

    private static async Task<long> NextVersionAsync(NpgsqlConnection connection, string tenant, SecretName name, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "select coalesce(max(version), 0) + 1 from secret where tenant_id = $1 and integration = $2 and name = $3", connection)
            .With(tenant, name.Integration, name.Name);
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    private static async Task InsertAsync(
        NpgsqlConnection connection, string tenant, SecretName name, SealedSecret secret, string actor, string requestId, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Commands.Batched(
            """
            insert into secret_version (tenant_id, integration, name, version, key_id, data_key, value, created_by, request_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            tenant, name.Integration, name.Name, secret.Version, secret.TenantKey.Id, secret.DataKey, secret.Value, actor, requestId));
        batch.BatchCommands.Add(Commands.Batched(
            """
            insert into secret (tenant_id, integration, name, version, updated_by) values ($1, $2, $3, $4, $5)
            on conflict (tenant_id, integration, name) do update
              set version = excluded.version, updated_at = clock_timestamp(), updated_by = excluded.updated_by
            """,
            tenant, name.Integration, name.Name, secret.Version, actor));
        await batch.ExecuteNonQueryAsync(stop);
    }

    // Of the version that was put then: a repeated request is answered as it was, whatever was put since.
    private static async Task<SecretVersion> ReadAsync(NpgsqlConnection connection, string tenant, SecretName name, long version, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            """
            select s.integration, s.name, v.version, s.created_at, v.created_at, v.created_by
            from secret s join secret_version v using (tenant_id, integration, name)
            where s.tenant_id = $1 and s.integration = $2 and s.name = $3 and v.version = $4
            """,
            connection).With(tenant, name.Integration, name.Name, version);
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        return Version(row);
    }

    private static SecretVersion Version(NpgsqlDataReader row) => new(
        new SecretName(row.GetString(0), row.GetString(1)),
        row.GetInt64(2), row.GetFieldValue<DateTimeOffset>(3), row.GetFieldValue<DateTimeOffset>(4), row.GetString(5));
}
