using Mesh.Audit.Checkpoints;
using Mesh.Audit.Tree;
using Mesh.Integrity;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Audit.Proofs;

/// <summary>Reads the log and proves what is in it, at the sizes that were signed.</summary>
internal sealed class ProofFlow(NpgsqlDataSource store)
{
    private const string Columns = "select index, leaf, leaf_hash, kind, time, task_id, payload, salt from leaf";

    private const string PageSql = Columns + " where tenant_id = $1 and index >= $2 order by index limit $3";

    private const string TaskPageSql = Columns + " where tenant_id = $1 and task_id = $4 and index >= $2 order by index limit $3";

    private const int PageBytesMax = 3 * 1024 * 1024;

    public async Task<StoredCheckpoint?> NewestAsync(string tenant, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        return await CheckpointStore.NewestAsync(connection, tenant, stop);
    }

    /// <summary>Entries from an index on, in order. The rows of a page are read by key: its cost does not grow with the log.</summary>
    public async Task<IReadOnlyList<LogEntry>> ListAsync(string tenant, long start, int count, Guid? task, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        return await ReadAsync(connection, tenant, start, count, task, stop);
    }

    /// <summary>The same, and where the next page starts; 0 at the end.</summary>
    public async Task<(IReadOnlyList<LogEntry> Entries, long NextStart)> PageAsync(
        string tenant, long start, int count, Guid? task, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        var entries = await ReadAsync(connection, tenant, start, count, task, stop);

        // Payloads are up to a megabyte each, and an answer has a limit: what does not fit begins the next page.
        var (bytes, fits) = (0, 0);

        while (fits < entries.Count && (fits == 0 || bytes + BytesOf(entries[fits]) <= PageBytesMax))
        {
            bytes += BytesOf(entries[fits++]);
        }

        if (fits < entries.Count)
        {
            return (entries[..fits], entries[fits].Index);
        }

        return (entries, entries.Count == count ? entries[^1].Index + 1 : 0);
    }

    /// <param name="size">A size that was signed, or 0 for the newest.</param>
    public async Task<InclusionResult> ProveInclusionAsync(string tenant, long index, long size, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        var checkpoint = size == 0
            ? await CheckpointStore.NewestAsync(connection, tenant, stop)
            : await CheckpointStore.AtAsync(connection, tenant, size, stop);

        if (checkpoint is null)
        {
            return new InclusionResult.NoCheckpoint();
        }

        if (index >= checkpoint.Size || await ReadAsync(connection, tenant, index, 1, null, stop) is not [var entry])
        {
            return new InclusionResult.NoEntry(checkpoint.Size);
        }

        var fetch = await NodeStore.FetchAsync(connection, tenant, f => MerkleTree.ProveInclusion(index, checkpoint.Size, f), stop);
        return new InclusionResult.Proven(entry, checkpoint, MerkleTree.ProveInclusion(index, checkpoint.Size, fetch));
    }

    /// <summary>Null when one of the sizes was never signed.</summary>
    public async Task<IReadOnlyList<Hash256>?> ProveConsistencyAsync(string tenant, long from, long to, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);

        foreach (var size in (long[])[from, to])
        {
            if (size > 0 && await CheckpointStore.AtAsync(connection, tenant, size, stop) is null)
            {
                return null;
            }
        }

        var fetch = await NodeStore.FetchAsync(connection, tenant, f => MerkleTree.ProveConsistency(from, to, f), stop);
        return MerkleTree.ProveConsistency(from, to, fetch);
    }

    private static int BytesOf(LogEntry entry) => entry.Text.Length + (entry.Payload?.Length ?? 0) + 256;

    private static async Task<List<LogEntry>> ReadAsync(
        NpgsqlConnection connection, string tenant, long start, int count, Guid? task, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(task is null ? PageSql : TaskPageSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = start });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = count });

        if (task is { } id)
        {
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id, NpgsqlDbType = NpgsqlDbType.Uuid });
        }

        var entries = new List<LogEntry>();
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            entries.Add(new LogEntry(
                rows.GetInt64(0),
                rows.GetFieldValue<byte[]>(1),
                rows.GetFieldValue<byte[]>(2),
                rows.GetString(3),
                rows.GetFieldValue<DateTimeOffset>(4),
                rows.IsDBNull(5) ? null : rows.GetGuid(5),
                rows.IsDBNull(6) ? null : rows.GetFieldValue<byte[]>(6),
                rows.GetFieldValue<byte[]>(7)));
        }

        return entries;
    }
}
