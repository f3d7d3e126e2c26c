using Mesh.Integrity;
using Npgsql;

namespace Mesh.Audit.Checkpoints;

/// <summary>A checkpoint as it is stored.</summary>
internal sealed record StoredCheckpoint(long Size, byte[] Note, byte[] Frontier);

/// <summary>The signed checkpoints. Rows are inserted and never change.</summary>
internal static class CheckpointStore
{
    private const string NewestSql = "select size, note, frontier from checkpoint where tenant_id = $1 order by size desc limit 1";

    private const string AtSql = "select size, note, frontier from checkpoint where tenant_id = $1 and size = $2";

    private const string InsertSql = "insert into checkpoint (tenant_id, size, previous_size, note, frontier) values ($1, $2, $3, $4, $5)";

    private const string BehindSql =
        """
        select h.tenant_id from log_head h
        where h.size > coalesce((select c.size from checkpoint c where c.tenant_id = h.tenant_id order by c.size desc limit 1), 0)
        """;

    /// <summary>Until the transaction ends, no other replica extends this log's tree.</summary>
    /// <remarks>Without it two would do the same work. That they cannot both sign is the table's unique predecessor.</remarks>
    public static async Task LockAsync(NpgsqlConnection connection, string tenant, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("select pg_advisory_xact_lock(hashtextextended('mesh/audit/' || $1, 0))", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
        await command.ExecuteNonQueryAsync(stop);
    }

    public static Task<StoredCheckpoint?> NewestAsync(NpgsqlConnection connection, string tenant, CancellationToken stop) =>
        ReadAsync(connection, NewestSql, tenant, null, stop);

    public static Task<StoredCheckpoint?> AtAsync(NpgsqlConnection connection, string tenant, long size, CancellationToken stop) =>
        ReadAsync(connection, AtSql, tenant, size, stop);

    public static async Task InsertAsync(
        NpgsqlConnection connection, string tenant, Frontier edge, long previousSize, byte[] note, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(InsertSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = edge.Size });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = previousSize });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = note });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = edge.Serialize() });
        await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>The logs that have leaves which no checkpoint covers.</summary>
    public static async Task<IReadOnlyList<string>> BehindAsync(NpgsqlDataSource store, CancellationToken stop)
    {
        var tenants = new List<string>();
        await using var command = store.CreateCommand(BehindSql);
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            tenants.Add(rows.GetString(0));
        }

        return tenants;
    }

    private static async Task<StoredCheckpoint?> ReadAsync(
        NpgsqlConnection connection, string sql, string tenant, long? bound, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });

        if (bound is { } value)
        {
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
        }

        await using var rows = await command.ExecuteReaderAsync(stop);

        return await rows.ReadAsync(stop)
            ? new StoredCheckpoint(rows.GetInt64(0), rows.GetFieldValue<byte[]>(1), rows.GetFieldValue<byte[]>(2))
            : null;
    }
}
