using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Bus.Stored;

/// <summary>The statements by which the replicas of one consumer share its rows.</summary>
/// <param name="table">Where the rows are: a name of this code's, never a stranger's.</param>
/// <param name="consumer">Whose rows they are.</param>
internal sealed class ConsumerQueue(string table, string consumer)
{
    /// <summary>Deliveries without an answer (a crash each time) after which a message is parked.</summary>
    private const int UnansweredMax = 20;

    private const int PageMax = 256;

    // Of bodies, the first message aside: a page is in memory several times while it is handled.
    private const int PageBytesMax = 8 * 1024 * 1024;

    // A settlement that a crash loses is only a delivery more, and the inbox recognises it.
    // And a plan that was made while the table was empty must not become a scan of all that has since come and gone.
    private const string WithoutFsync =
        $"select set_config('synchronous_commit', 'off', true) || {HotPlans.Local}";

    private readonly string expireSql = $"""
        update {table} set state = case when attempts >= $2 then 2 else 0 end,
          error = case when attempts >= $2 then 'It was delivered ' || attempts || ' times and its consumer never answered.' else error end,
          not_before = clock_timestamp()
        where consumer = $1 and state = 1 and (not_before < clock_timestamp() or {OutboxQueue.ClaimantIsGone})
        """;

    // Keys that cannot go on now, whatever waits behind in them: one is parked, is being handled, or rests before its next
    // attempt. Their rows are left out before the page is cut, or they would fill it and keep every other key waiting.
    // The update finds its rows by their places: by their ids, a plan that was made while the table was empty reads all that waits for
    // the consumer, once for each row that it takes.
    private readonly string claimSql = $"""
        with stuck as materialized (
          select tenant_id, key from {table} where consumer = $1 and state = 2
          union select tenant_id, key from {table} where consumer = $1 and state = 1
          union select tenant_id, key from {table} where consumer = $1 and state = 0 and attempts > 0 and not_before > clock_timestamp()
        ), page as materialized (
          select ctid as place, id, tenant_id, key, key_seq, octet_length(body) as bytes from {table}
          where consumer = $1 and state = 0 and not_before <= clock_timestamp()
            and (tenant_id, key) not in (select tenant_id, key from stuck)
          order by id limit {PageMax} for update skip locked
        ), taken as materialized (
          select * from (select page.*, sum(bytes) over (order by id) - bytes as before from page) p where before <= {PageBytesMax}
        ), judged as (
          select taken.place, taken.id, earlier.id is not null as blocked
          from taken left join lateral (
            select e.id from {table} e
            where e.consumer = $1 and e.tenant_id = taken.tenant_id and e.key = taken.key
              and (e.key_seq, e.id) < (taken.key_seq, taken.id) and e.id not in (select id from taken)
            order by e.key_seq, e.id limit 1) earlier on true
        ), claimed as (
          update {table} m set
            state = case when blocked then 0 else 1 end,
            attempts = case when blocked then attempts else attempts + 1 end,
            not_before = clock_timestamp() + case when blocked then interval '50 ms' else interval '60 s' end,
            claimed_by = case when blocked then null else pg_backend_pid() end
          from judged where m.ctid = judged.place and m.id = judged.id
          returning m.id, m.tenant_id, m.key, m.key_seq, m.type, m.traceparent, m.body, blocked,
                    extract(epoch from m.not_before - clock_timestamp())::float8, m.attempts
        )
        select claimed.*, counted.n from (select count(*) as n from judged) counted left join claimed on true
        """;

    private readonly string deleteSql = $"delete from {table} where consumer = $1 and id = any($2)";

    private readonly string backSql = $"""
        update {table} m set state = 0, not_before = clock_timestamp() + b.pause * interval '1 s',
          attempts = m.attempts - case when b.counts then 0 else 1 end, error = coalesce(b.error, m.error)
        from unnest($2, $3, $4, $5) as b (id, pause, counts, error)
        where m.consumer = $1 and m.id = any($2) and m.id = b.id and m.state + 0 = 1
        """;

    private readonly string parkSql = $"""
        update {table} m set state = 2, not_before = clock_timestamp(), error = p.error
        from unnest($2, $3) as p (id, error) where m.consumer = $1 and m.id = any($2) and m.id = p.id and m.state + 0 = 1
        """;

    /// <summary>Settles what was delivered and claims what comes next: one round trip. Claims end with the connection.</summary>
    public async Task<ConsumerClaim> NextAsync(NpgsqlConnection connection, IReadOnlyList<Settlement> settled, bool expire, CancellationToken stop)
    {
        await using var batch = Settling(connection, settled);
        if (expire)
        {
            batch.BatchCommands.Add(Command(expireSql, new NpgsqlParameter { Value = UnansweredMax }));
        }

        batch.BatchCommands.Add(Command(claimSql));
        var messages = new List<ClaimedMessage>();
        var blocked = new List<TimeSpan>();
        var (page, judged) = (0, 0L);
        await batch.PrepareAsync(stop);
        await using var rows = await batch.ExecuteReaderAsync(stop);
        do
        {
            while (rows.FieldCount > 1 && await rows.ReadAsync(stop))
            {
                judged = rows.GetInt64(10);
                if (rows.IsDBNull(0))
                {
                    continue;
                }

                page++;
                if (rows.GetBoolean(7))
                {
                    blocked.Add(TimeSpan.FromSeconds(Math.Max(rows.GetDouble(8), 0.05)));
                    continue;
                }

                messages.Add(new(OutboxQueue.Read(rows), rows.GetInt32(9)));
            }
        }
        while (await rows.NextResultAsync(stop));

        // Another replica moved a row before it was locked here, so it is not where it was seen. What was judged beside it is looked at again.
        if (page < judged)
        {
            await rows.DisposeAsync();
            await SettleAsync(connection, [.. messages.Select(one => new Settlement.Back(one.Message.Id, TimeSpan.Zero, Counts: false, null))], stop);

            return new([], blocked, IsFull: true);
        }

        return new([.. messages.OrderBy(one => one.Message.KeySequence).ThenBy(one => one.Message.Id)], blocked, page == PageMax);
    }

    public async Task SettleAsync(NpgsqlConnection connection, IReadOnlyList<Settlement> settled, CancellationToken stop)
    {
        await using var batch = Settling(connection, settled);
        await batch.ExecuteNonQueryAsync(stop);
    }

    private NpgsqlBatch Settling(NpgsqlConnection connection, IReadOnlyList<Settlement> settled)
    {
        var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new(WithoutFsync));
        var done = settled.OfType<Settlement.Done>().Select(one => one.Id).ToArray();
        var back = settled.OfType<Settlement.Back>().ToList();
        var parked = settled.OfType<Settlement.Parked>().ToList();
        if (done.Length > 0)
        {
            batch.BatchCommands.Add(Command(deleteSql, new NpgsqlParameter { Value = done }));
        }

        if (back.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                backSql,
                new NpgsqlParameter { Value = back.Select(one => one.Id).ToArray() },
                new NpgsqlParameter { Value = back.Select(one => one.Pause.TotalSeconds).ToArray() },
                new NpgsqlParameter { Value = back.Select(one => one.Counts).ToArray() },
                Texts(back.Select(one => one.Error))));
        }

        if (parked.Count > 0)
        {
            batch.BatchCommands.Add(Command(
                parkSql,
                new NpgsqlParameter { Value = parked.Select(one => one.Id).ToArray() },
                Texts(parked.Select(one => one.Error))));
        }

        return batch;
    }

    private NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> more)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.Add(new NpgsqlParameter { Value = consumer });
        foreach (var parameter in more)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    // A zero byte, which an error may quote, is the one character that text cannot hold.
    private static NpgsqlParameter Texts(IEnumerable<string?> texts) => new()
    {
        Value = texts.Select(text => text?.Replace('\0', ' ')).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };
}
