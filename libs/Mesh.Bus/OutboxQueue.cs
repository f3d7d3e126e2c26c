using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Bus;

/// <summary>The statements by which relays share one outbox table.</summary>
/// <remarks>
/// Rows are found by their state, never by a position: a row that commits late is simply still there. A row is claimed only
/// together with all earlier rows of its key, so two relays never send one key at the same time. What is claimed is updated by its
/// place: by id, a plan that was made while the table was empty would read the whole table once for each row. What is settled is found
/// by its id, and says nothing of its state that an index of some rows could be planned for.
/// </remarks>
internal sealed class OutboxQueue(NpgsqlDataSource store)
{
    public const int BatchMax = 256;

    /// <summary>At least this often, claims that ran out or whose claimant is gone are looked for.</summary>
    public static readonly TimeSpan ExpireEvery = TimeSpan.FromSeconds(1);

    /// <summary>In SQL: whoever claimed this row is gone, and its connection with it. A number that PostgreSQL gave to another since only makes it wait longer.</summary>
    public const string ClaimantIsGone = "(claimed_by is not null and not exists (select from pg_stat_activity a where a.pid = claimed_by))";

    // Nothing here needs to survive a crash: a claim that is lost is made again, a row that comes back is sent again
    // and recognised by its id.
    // And a plan that was made while the table was empty must not become a scan of all that has since come and gone.
    private const string WithoutFsync =
        $"select set_config('synchronous_commit', 'off', true) || {HotPlans.Local}";

    private const string Expire = $"update outbox set state = 0 where state = 1 and (claimed_until < clock_timestamp() or {ClaimantIsGone})";

    private const string Delete = "delete from outbox where id = any($1)";

    private const string Release = """
        update outbox set state = 0, not_before = clock_timestamp() + least($2 * power(2, least(attempts, 17)), 60000) * interval '1 ms'
        where id = any($1) and state + 0 = 1
        """;

    private const string Claim = """
        with taken as materialized (
          select ctid as place, id, tenant_id, key, key_seq from outbox
          where state = 0 and not_before <= clock_timestamp()
          order by id limit 256 for update skip locked
        ), judged as (
          select taken.place, taken.id, earlier.id is not null as blocked, earlier.not_before
          from taken left join lateral (
            select e.id, e.not_before from outbox e
            where e.tenant_id = taken.tenant_id and e.key = taken.key and (e.key_seq, e.id) < (taken.key_seq, taken.id)
              and e.id not in (select id from taken)
            order by e.key_seq, e.id limit 1) earlier on true
        ), claimed as (
          update outbox o set
            state = case when blocked then 0 else 1 end,
            attempts = case when blocked then attempts else attempts + 1 end,
            claimed_until = case when blocked then null else clock_timestamp() + interval '30 s' end,
            claimed_by = case when blocked then null else pg_backend_pid() end,
            not_before = case when blocked then greatest(judged.not_before, clock_timestamp() + interval '50 ms') else o.not_before end
          from judged where o.ctid = judged.place and o.id = judged.id
          returning o.id, o.tenant_id, o.key, o.key_seq, o.type, o.traceparent, o.body, blocked,
                    extract(epoch from o.not_before - clock_timestamp())::float8
        )
        select claimed.*, counted.n from (select count(*) as n from judged) counted left join claimed on true
        """;

    /// <summary>Deletes what was sent, puts back what was not, and claims what comes next: one round trip.</summary>
    /// <param name="connection">The relay's own for as long as it holds claims: they end with it.</param>
    /// <param name="sent">What the bus has.</param>
    /// <param name="refused">What the bus did not take.</param>
    /// <param name="expire">Whether to look for claims that ran out or whose relay is gone.</param>
    /// <param name="stop">Ends the waiting.</param>
    public static async Task<OutboxClaim> NextAsync(
        NpgsqlConnection connection, IReadOnlyCollection<Guid> sent, IReadOnlyCollection<Guid> refused, bool expire, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new(WithoutFsync));
        AddSettling(batch, sent, refused, TimeSpan.FromMilliseconds(500));
        if (expire)
        {
            batch.BatchCommands.Add(new(Expire));
        }

        batch.BatchCommands.Add(new(Claim));
        var messages = new List<Envelope>();
        var blockedFor = TimeSpan.MaxValue;
        var (page, judged) = (0, 0L);
        await batch.PrepareAsync(stop);
        await using var rows = await batch.ExecuteReaderAsync(stop);
        do
        {
            while (rows.FieldCount > 1 && await rows.ReadAsync(stop))
            {
                judged = rows.GetInt64(9);
                if (rows.IsDBNull(0))
                {
                    continue;
                }

                page++;
                if (rows.GetBoolean(7))
                {
                    var wait = TimeSpan.FromSeconds(Math.Max(rows.GetDouble(8), 0.05));
                    blockedFor = wait < blockedFor ? wait : blockedFor;
                    continue;
                }

                messages.Add(Read(rows));
            }
        }
        while (await rows.NextResultAsync(stop));

        // Another relay moved a row before it was locked here, so it is not where it was seen. What was judged beside it is looked at again.
        if (page < judged)
        {
            await rows.DisposeAsync();
            await using var back = new NpgsqlBatch(connection);
            AddSettling(back, [], [.. messages.Select(message => message.Id)], TimeSpan.Zero);
            await (messages.Count > 0 ? back.ExecuteNonQueryAsync(stop) : Task.CompletedTask);

            return new([], TimeSpan.FromMilliseconds(50));
        }

        return new([.. messages.OrderBy(message => message.KeySequence).ThenBy(message => message.Id)], blockedFor);
    }

    /// <summary>Deletes what was sent and gives back what was claimed in vain.</summary>
    public async Task SettleAsync(IReadOnlyCollection<Guid> sent, IReadOnlyCollection<Guid> back, CancellationToken stop)
    {
        await using var batch = store.CreateBatch();
        batch.BatchCommands.Add(new(WithoutFsync));
        AddSettling(batch, sent, back, TimeSpan.Zero);
        await batch.ExecuteNonQueryAsync(stop);
    }

    internal static Envelope Read(NpgsqlDataReader rows) => new(
        rows.GetGuid(0), rows.GetString(1), rows.GetString(2), rows.GetInt64(3), rows.GetString(4),
        rows.IsDBNull(5) ? null : rows.GetString(5), rows.GetFieldValue<byte[]>(6));

    private static void AddSettling(NpgsqlBatch batch, IReadOnlyCollection<Guid> sent, IReadOnlyCollection<Guid> back, TimeSpan firstPause)
    {
        if (sent.Count > 0)
        {
            batch.BatchCommands.Add(new(Delete) { Parameters = { new() { Value = sent.ToArray() } } });
        }

        if (back.Count > 0)
        {
            batch.BatchCommands.Add(new(Release)
            {
                Parameters =
                {
                    new() { Value = back.ToArray() },
                    new() { Value = firstPause.TotalMilliseconds, NpgsqlDbType = NpgsqlDbType.Double },
                },
            });
        }
    }
}
