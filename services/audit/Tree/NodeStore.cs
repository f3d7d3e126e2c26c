using Mesh.Integrity;
using Npgsql;

namespace Mesh.Audit.Tree;

/// <summary>The hashes of complete subtrees: stored for every fourth level, computed from at most eight neighbours for the others.</summary>
internal static class NodeStore
{
    public const int LevelStep = 4;

    private const string FetchSql =
        """
        select r.n, x.hash from unnest($2, $3, $4) with ordinality as r (level, first, past, n)
        cross join lateral (
            select l.index, l.leaf_hash as hash from leaf l
            where r.level = 0 and l.tenant_id = $1 and l.index >= r.first and l.index < r.past
            union all
            select n.index, n.hash from node n
            where r.level > 0 and n.tenant_id = $1 and n.level = r.level and n.index >= r.first and n.index < r.past) x
        order by r.n, x.index
        """;

    /// <summary>Whether the hash of this subtree has a row.</summary>
    public static bool IsStored(Subtree subtree) => subtree.Level > 0 && subtree.Level % LevelStep == 0;

    /// <summary>Reads, in one round trip, all hashes that a root or a proof asks for.</summary>
    /// <exception cref="DamagedLogException">One of them is not there.</exception>
    public static async Task<SubtreeHash> FetchAsync(
        NpgsqlConnection connection, string tenant, Action<SubtreeHash> prove, CancellationToken stop)
    {
        var wanted = MerkleTree.Needed(prove).ToArray();
        var known = new Dictionary<Subtree, Hash256>(wanted.Length);

        if (wanted.Length > 0)
        {
            var parts = await ReadAsync(connection, tenant, wanted, stop);

            for (var n = 0; n < wanted.Length; n++)
            {
                known.Add(wanted[n], Join(wanted[n], parts[n], tenant));
            }
        }

        return (level, index) => known[new Subtree(level, index)];
    }

    private static async Task<List<Hash256>[]> ReadAsync(NpgsqlConnection connection, string tenant, Subtree[] wanted, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(FetchSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = tenant });
        command.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = Array.ConvertAll(wanted, s => (short)(s.Level - Rest(s))) });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(wanted, s => s.Index << Rest(s)) });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(wanted, s => (s.Index + 1) << Rest(s)) });

        var parts = Array.ConvertAll(wanted, _ => new List<Hash256>());
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            parts[rows.GetInt64(0) - 1].Add(new Hash256(rows.GetFieldValue<byte[]>(1)));
        }

        return parts;
    }

    private static Hash256 Join(Subtree subtree, List<Hash256> parts, string tenant)
    {
        if (parts.Count != 1 << Rest(subtree))
        {
            throw new DamagedLogException(tenant, $"the hashes under level {subtree.Level}, index {subtree.Index} are not all there");
        }

        for (; parts.Count > 1; parts.RemoveRange(parts.Count / 2, parts.Count / 2))
        {
            for (var n = 0; n < parts.Count / 2; n++)
            {
                parts[n] = MerkleTree.NodeHash(parts[2 * n], parts[(2 * n) + 1]);
            }
        }

        return parts[0];
    }

    private static int Rest(Subtree subtree) => subtree.Level % LevelStep;
}
