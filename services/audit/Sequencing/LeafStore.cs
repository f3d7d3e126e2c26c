using Mesh.Integrity;
using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Audit.Sequencing;

/// <summary>Appends a batch in one statement; the database assigns the indexes.</summary>
internal static class LeafStore
{
    private const string AppendSql =
        "select outcome, first_index, leaf_hash, leaf_time, last_seq from append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)";

    /// <summary>One placement for each submission, in their order, all of them in one commit.</summary>
    public static async Task<IReadOnlyList<Placement>> AppendAsync(
        CommitTransaction transaction, IReadOnlyList<Submission> batch, CancellationToken stop)
    {
        var distinct = Distinct(batch, out var places);
        var placements = new List<Placement>(distinct.Count);
        await transaction.ReadAsync([Append(distinct)], (rows, read) => ReadAsync(rows, distinct, placements, read), stop);

        // Not in one round trip with the rest: a connection that turns out to be dead is then known to have written nothing.
        await transaction.CommitAsync([], stop);

        return Array.ConvertAll(places, place => placements[place]);
    }

    // The same intent may be asked for twice at once.
    private static List<Submission> Distinct(IReadOnlyList<Submission> batch, out int[] places)
    {
        var first = new Dictionary<object, int>(batch.Count);
        var distinct = new List<Submission>(batch.Count);
        places = new int[batch.Count];

        for (var n = 0; n < batch.Count; n++)
        {
            if (first.TryAdd(batch[n].Identity, distinct.Count))
            {
                distinct.Add(batch[n]);
            }

            places[n] = first[batch[n].Identity];
        }

        return distinct;
    }

    private static async Task ReadAsync(
        NpgsqlDataReader rows, List<Submission> batch, List<Placement> placements, CancellationToken stop)
    {
        while (await rows.ReadAsync(stop))
        {
            placements.Add(Read(rows, batch[placements.Count]));
        }
    }

    private static Placement Read(NpgsqlDataReader row, Submission submission) => row.GetString(0) switch
    {
        "appended" => new Placement.Placed(PlaceOf(row.GetInt64(1), submission.Leaves[0]), IsNew: true),
        "known" when row.IsDBNull(1) => new Placement.Placed(null, IsNew: false),
        "known" => new Placement.Placed(
            new EntryPlace(row.GetInt64(1), new Hash256(row.GetFieldValue<byte[]>(2)), row.GetFieldValue<DateTimeOffset>(3)), IsNew: false),
        "differs" => new Placement.Differs(),
        "gap" => new Placement.Gap(row.GetInt64(4)),
        "conflict" => new Placement.Conflict(row.GetInt64(4)),
        var other => throw new InvalidOperationException($"The store answered '{other}'."),
    };

    private static EntryPlace PlaceOf(long index, Leaf leaf) => new(index, leaf.Hash, leaf.Time);

    private static NpgsqlBatchCommand Append(List<Submission> batch)
    {
        var command = new NpgsqlBatchCommand(AppendSql);
        var count = batch.Count;
        var (tenants, intents, terms) = (new string[count], new byte[]?[count], new byte[]?[count]);
        var (tasks, seqs, counts) = (new Guid?[count], new long?[count], new int[count]);
        var leaves = new List<Leaf>(count);
        var (submissions, offsets, leafTenants) = (new List<int>(count), new List<int>(count), new List<string>(count));

        for (var n = 0; n < count; n++)
        {
            var submission = batch[n];
            (tenants[n], counts[n]) = (submission.Tenant, submission.Leaves.Count);

            switch (submission)
            {
                case Submission.Intent intent:
                    (intents[n], terms[n]) = (intent.Key.ToArray(), intent.Terms.ToArray());
                    break;
                case Submission.TaskFacts facts:
                    (tasks[n], seqs[n]) = (facts.Task, facts.FirstSeq);
                    break;
            }

            for (var at = 0; at < submission.Leaves.Count; at++)
            {
                leaves.Add(submission.Leaves[at]);
                submissions.Add(n + 1);
                offsets.Add(at);
                leafTenants.Add(submission.Tenant);
            }
        }

        Add(command, NpgsqlDbType.Text, tenants);
        Add(command, NpgsqlDbType.Bytea, intents);
        Add(command, NpgsqlDbType.Bytea, terms);
        Add(command, NpgsqlDbType.Uuid, tasks);
        Add(command, NpgsqlDbType.Bigint, seqs);
        Add(command, NpgsqlDbType.Integer, counts);
        Add(command, NpgsqlDbType.Integer, submissions.ToArray());
        Add(command, NpgsqlDbType.Integer, offsets.ToArray());
        Add(command, NpgsqlDbType.Text, leafTenants.ToArray());
        Add(command, NpgsqlDbType.Bytea, leaves.ConvertAll(l => l.Text).ToArray());
        Add(command, NpgsqlDbType.Bytea, leaves.ConvertAll(l => l.Hash.ToArray()).ToArray());
        Add(command, NpgsqlDbType.Text, leaves.ConvertAll(l => l.Kind).ToArray());
        Add(command, NpgsqlDbType.TimestampTz, leaves.ConvertAll(l => l.Time.UtcDateTime).ToArray());
        Add(command, NpgsqlDbType.Uuid, leaves.ConvertAll(l => l.Task).ToArray());
        Add(command, NpgsqlDbType.Bytea, leaves.ConvertAll(l => l.Payload).ToArray());
        Add(command, NpgsqlDbType.Bytea, leaves.ConvertAll(l => l.Salt).ToArray());

        return command;
    }

    private static void Add<T>(NpgsqlBatchCommand command, NpgsqlDbType element, T[] values) =>
        command.Parameters.Add(new NpgsqlParameter<T[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | element });
}
