using Mesh.Integrity;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Audit.Tree;

/// <summary>Grows a tree by leaves that are in the log and not yet in it.</summary>
internal static class TreeGrowth
{
    /// <summary>Leaves that are read at once. A log that is far behind is brought up in steps of this.</summary>
    public const int LeavesMax = 4_096;

    private const string LeavesSql =
        "select index, leaf, leaf_hash from leaf where tenant_id = $1 and index >= $2 order by index limit $3";

    private const string NodesSql = "insert into node (tenant_id, level, index, hash) select $1, * from unnest($2, $3, $4) on conflict do nothing";

    /// <summary>Appends the next leaves to the edge and stores the subtrees that they complete; answers how many there were.</summary>
    /// <param name="connection">In a transaction.</param>
    /// <param name="tenant">The log.</param>
    /// <param name="edge">Grown by the leaves.</param>
    /// <param name="passed">Told the root at each size on the way.</param>
    /// <param name="stop">Ends the work.</param>
    /// <exception cref="DamagedLogException">A leaf is missing or does not have the hash that its receipt says.</exception>
    public static async Task<int> GrowAsync(
        NpgsqlConnection connection, string tenant, Frontier edge, Action<Frontier> passed, CancellationToken stop)
    {
        var completed = new List<(Subtree Subtree, Hash256 Hash)>();
        var count = 0;

        await using (var command = new NpgsqlCommand(LeavesSql, connection))
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = edge.Size });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = LeavesMax });
            await using var rows = await command.ExecuteReaderAsync(stop);

            for (; await rows.ReadAsync(stop); count++)
            {
                edge.Append(CheckedHash(rows, tenant, edge.Size), (subtree, hash) => completed.Add((subtree, hash)));
                passed(edge);
            }
        }

        completed.RemoveAll(node => !NodeStore.IsStored(node.Subtree));

        if (completed.Count > 0)
        {
            await StoreAsync(connection, tenant, completed, stop);
        }

        return count;
    }

    private static Hash256 CheckedHash(NpgsqlDataReader row, string tenant, long expected)
    {
        if (row.GetInt64(0) != expected)
        {
            throw new DamagedLogException(tenant, $"leaf {expected} is missing");
        }

        // From the text and not from the column: what is signed is what a verifier will compute.
        var hash = MerkleTree.LeafHash(row.GetFieldValue<byte[]>(1));

        return hash == new Hash256(row.GetFieldValue<byte[]>(2))
            ? hash
            : throw new DamagedLogException(tenant, $"leaf {expected} is not the one that its receipt is for");
    }

    private static async Task StoreAsync(
        NpgsqlConnection connection, string tenant, List<(Subtree Subtree, Hash256 Hash)> nodes, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(NodesSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
        command.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = [.. nodes.Select(n => (short)n.Subtree.Level)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. nodes.Select(n => n.Subtree.Index)] });
        command.Parameters.Add(new NpgsqlParameter<byte[][]>
        {
            TypedValue = [.. nodes.Select(n => n.Hash.ToArray())],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
        });
        await command.ExecuteNonQueryAsync(stop);
    }
}
