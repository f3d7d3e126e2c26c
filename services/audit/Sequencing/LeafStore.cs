using Mesh.Integrity;
using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Audit.Sequencing;

/// <summary>Appends a batch in one statement; the database assigns the indexes.</summary>
internal static class LeafStore
{
    private const string AppendSql =
        "select outcome, first_index, leaf_hash, leaf_time, last_seq from append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)";

    /// <summary>One placement for each submission, in their order, all of them in one commit.</summary>
    public static async Task<IReadOnlyList<Placement>> AppendAsync(
        CommitTransaction transaction, IReadOnlyList<Submission> batch, CancellationToken stop)
    {
        var order = OrderOf(batch);
        var sorted = Array.ConvertAll(order, place => batch[place]);
        var placements = new Placement[sorted.Length];

        // With the commit in one round trip. If nothing is heard of it, an intent is appended again and finds itself.
        await transaction.CommitAsync([Append(sorted)], (rows, read) => ReadAsync(rows, sorted, order, placements, read), stop);

        return placements;
    }

    /// <summary>The places of a batch in the order that <c>append</c> asks for: by tenant, and together what is about the same.</summary>
    private static int[] OrderOf(IReadOnlyList<Submission> batch)
    {
        // What was first asked about is first in the log; facts of one task keep their order, even if their messages came in another one.
        var turns = new Dictionary<object, int>(batch.Count);
        var keys = new (string Tenant, int Turn, long Seq, int Place)[batch.Count];

        for (var place = 0; place < keys.Length; place++)
        {
            var submission = batch[place];
            turns.TryAdd(submission.Subject, place);
            keys[place] = (submission.Tenant, turns[submission.Subject], submission is Submission.TaskFacts facts ? facts.FirstSeq : 0, place);
        }

        Array.Sort(keys, static (one, other) =>
            string.CompareOrdinal(one.Tenant, other.Tenant) is not 0 and var byTenant
                ? byTenant
                : (one.Turn, one.Seq, one.Place).CompareTo((other.Turn, other.Seq, other.Place)));

        return Array.ConvertAll(keys, key => key.Place);
    }

    private static async Task ReadAsync(
        NpgsqlDataReader rows, Submission[] sorted, int[] order, Placement[] placements, CancellationToken stop)
    {
        for (var n = 0; await rows.ReadAsync(stop); n++)
        {
            placements[order[n]] = Read(rows, sorted[n]);
        }
    }

    private static Placement Read(NpgsqlDataReader row, Submission submission) => row.GetString(0) switch
    {
        "appended" => new Placement.Placed(PlaceOf(row.GetInt64(1), submission.Leaves[0])),
        "known" when row.IsDBNull(1) => new Placement.Placed(null),
        "known" => new Placement.Placed(
            new EntryPlace(row.GetInt64(1), new Hash256(row.GetFieldValue<byte[]>(2)), row.GetFieldValue<DateTimeOffset>(3))),
        "differs" => new Placement.Differs(),
        "gap" => new Placement.Gap(row.GetInt64(4)),
        "conflict" => new Placement.Conflict(row.GetInt64(4)),
        var other => throw new InvalidOperationException($"The store answered '{other}'."),
    };

    private static EntryPlace PlaceOf(long index, Leaf leaf) => new(index, leaf.Hash, leaf.Time);

    private static NpgsqlBatchCommand Append(Submission[] batch)
    {
        var command = new NpgsqlBatchCommand(AppendSql);
        var count = batch.Length;
        var (tenants, intents, terms) = (new string[count], new byte[]?[count], new byte[]?[count]);
        var (tasks, seqs, counts) = (new Guid?[count], new long?[count], new int[count]);
        var leaves = new List<Leaf>(count);
        var (submissions, offsets) = (new List<int>(count), new List<int>(count));

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
