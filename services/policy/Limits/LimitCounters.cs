using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Policy.Evaluation;
using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Policy.Limits;

/// <summary>Counts what calls take from limits: exactly, whoever decides at the same time.</summary>
/// <remarks>
/// The row lock on a counter orders all decisions about it. What is in flight counts like what was done. A window of sixty
/// buckets slides by one bucket at a time, and a bucket counts until its last instant has left the window: so never more
/// than the maximum passes within any window, and room comes back at most one sixtieth of a window late.
/// </remarks>
internal static class LimitCounters
{
    private const int BucketsPerWindow = 60;

    // Longer than the longest window that a set can declare: a counter that was not used since then counts nothing.
    private static readonly TimeSpan CounterRetention = TimeSpan.FromDays(31);

    /// <summary>Locks the counters and looks how much room they have. The locks are held until the transaction ends.</summary>
    public static async Task<ImmutableArray<LimitRoom>> MeasureAsync(
        NpgsqlTransaction decision, string tenant, ActionDigest action, int dispatch, ImmutableArray<LimitUse> uses, CancellationToken stop)
    {
        if (uses.IsEmpty)
        {
            return [];
        }

        // Sorted by counter: two decisions that share several counters take them in the same order and cannot deadlock.
        var rooms = uses
            .Select(use => new LimitRoom(use, CounterKey.Of(use), 0, IsHeld: false))
            .OrderBy(room => room.Counter.ToString(), StringComparer.Ordinal)
            .ToArray();
        var counters = Array.ConvertAll(rooms, room => room.Counter.ToArray());
        await LockAsync(decision, [.. counters.Select(_ => tenant)], counters, stop);

        // A statement of its own: only a snapshot taken after the locks sees what the previous holder committed. What an earlier
        // dispatch of the action holds is not in its own way: it moves to where the action is dispatched now. The moment is one
        // for all, or a bucket could be taken off that was not counted.
        await using var command = new NpgsqlCommand(
            """
            with moment as materialized (select clock_timestamp() as now)
            select (coalesce((select sum(b.used) from limit_bucket b
                              where b.tenant_id = $1 and b.counter = c.counter and b.ends_at > moment.now - c.span), 0)
                    - case when r.state = 'reserved' and r.dispatch < $5 and r.bucket_ends_at > moment.now - c.span then r.amount else 0 end)::bigint,
                   coalesce(r.state = 'kept' or (r.state = 'reserved' and r.dispatch >= $5), false)
            from moment cross join unnest($3, $4) with ordinality as c (counter, span, n)
            left join reservation r on r.tenant_id = $1 and r.action_digest = $2 and r.counter = c.counter
            order by c.n
            """,
            decision.Connection,
            decision);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = action.Hash.ToArray() });
        command.Parameters.Add(new() { Value = counters });
        command.Parameters.Add(new() { Value = Array.ConvertAll(rooms, room => room.Use.Limit.Window), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = dispatch });
        await using var rows = await command.ExecuteReaderAsync(stop);

        for (var i = 0; await rows.ReadAsync(stop); i++)
        {
            rooms[i] = rooms[i] with { Used = rows.GetInt64(0), IsHeld = rows.GetBoolean(1) };
        }

        return [.. rooms];
    }

    /// <summary>Takes what the dispatch needs. What an earlier dispatch of the action holds is moved, not taken twice.</summary>
    public static async Task ReserveAsync(
        NpgsqlTransaction decision, string tenant, ActionDigest action, int dispatch, ImmutableArray<LimitRoom> rooms, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(decision.Connection, decision);

        foreach (var room in rooms.Where(room => !room.IsHeld))
        {
            // A command of its own: the old bucket and the new one may be the same.
            var moved = new NpgsqlBatchCommand(
                """
                update limit_bucket b set used = b.used - r.amount from reservation r
                where r.tenant_id = $1 and r.action_digest = $2 and r.counter = $3 and r.state = 'reserved'
                  and b.tenant_id = $1 and b.counter = $3 and b.starts_at = r.bucket_starts_at and b.ends_at = r.bucket_ends_at
                """);
            moved.Parameters.Add(new() { Value = tenant });
            moved.Parameters.Add(new() { Value = action.Hash.ToArray() });
            moved.Parameters.Add(new() { Value = room.Counter.ToArray() });
            batch.BatchCommands.Add(moved);

            // Bucket borders are multiples of the width, so that all replicas cut time at the same places.
            var command = new NpgsqlBatchCommand(
                """
                with bucket as (
                  select date_bin($5, clock_timestamp(), 'epoch'::timestamptz) as starts_at
                ), counted as (
                  insert into limit_bucket (tenant_id, counter, starts_at, ends_at, forgotten_at, used)
                  select $1, $3, starts_at, starts_at + $5, starts_at + $5 + $6, $4 from bucket
                  on conflict (tenant_id, counter, starts_at, ends_at)
                  do update set used = limit_bucket.used + excluded.used, forgotten_at = greatest(limit_bucket.forgotten_at, excluded.forgotten_at)
                )
                insert into reservation (tenant_id, action_digest, counter, dispatch, bucket_starts_at, bucket_ends_at, amount, state, forgotten_at)
                select $1, $2, $3, $7, starts_at, starts_at + $5, $4, 'reserved', starts_at + interval '31 days' + $6 from bucket
                on conflict (tenant_id, action_digest, counter) do update
                set dispatch = excluded.dispatch, bucket_starts_at = excluded.bucket_starts_at, bucket_ends_at = excluded.bucket_ends_at,
                    amount = excluded.amount, state = 'reserved', reserved_at = clock_timestamp(), forgotten_at = excluded.forgotten_at
                """);
            command.Parameters.Add(new() { Value = tenant });
            command.Parameters.Add(new() { Value = action.Hash.ToArray() });
            command.Parameters.Add(new() { Value = room.Counter.ToArray() });
            command.Parameters.Add(new() { Value = room.Use.Amount });
            command.Parameters.Add(new() { Value = room.Use.Limit.Window / BucketsPerWindow });
            command.Parameters.Add(new() { Value = room.Use.Limit.Window });
            command.Parameters.Add(new() { Value = dispatch });
            batch.BatchCommands.Add(command);
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(stop);
        }
    }

    /// <summary>Dispatches have ended: what each holds stays counted, or goes back when it is certain that nothing happened.</summary>
    /// <remarks>What a later dispatch holds does not go back: this news may come after the question about that one.</remarks>
    public static async Task SettleAsync(NpgsqlTransaction effect, IReadOnlyList<EndedDispatch> ended, CancellationToken stop)
    {
        await using var held = new NpgsqlCommand(
            """
            select distinct r.tenant_id, r.counter from unnest($1, $2) as e (tenant_id, action_digest)
            join reservation r on r.tenant_id = e.tenant_id and r.action_digest = e.action_digest and r.state = 'reserved'
            """,
            effect.Connection,
            effect);
        held.Parameters.Add(new() { Value = ended.Select(one => one.Tenant).ToArray() });
        held.Parameters.Add(new() { Value = ended.Select(one => one.Action).ToArray() });
        var counters = new List<(string Tenant, byte[] Counter)>();

        await using (var rows = await held.ExecuteReaderAsync(stop))
        {
            while (await rows.ReadAsync(stop))
            {
                counters.Add((rows.GetString(0), rows.GetFieldValue<byte[]>(1)));
            }
        }

        if (counters.Count == 0)
        {
            return;
        }

        // Of all of them at once: one after the other, they would be taken in another order than decisions take them.
        await LockAsync(effect, [.. counters.Select(one => one.Tenant)], [.. counters.Select(one => one.Counter)], stop);
        var locked = counters.GroupBy(one => one.Tenant).ToDictionary(group => group.Key, group => group.Select(one => one.Counter).ToArray());
        await using var settle = new NpgsqlBatch(effect.Connection, effect);

        foreach (var one in ended.Where(one => locked.ContainsKey(one.Tenant)))
        {
            var command = new NpgsqlBatchCommand(
                """
                with settled as (
                  update reservation set state = case when $4 then 'kept' else 'released' end
                  where tenant_id = $1 and action_digest = $2 and counter = any($3) and state = 'reserved' and ($4 or dispatch <= $5)
                  returning counter, bucket_starts_at, bucket_ends_at, amount
                )
                update limit_bucket b set used = b.used - s.amount from settled s
                where not $4 and b.tenant_id = $1 and b.counter = s.counter and b.starts_at = s.bucket_starts_at and b.ends_at = s.bucket_ends_at
                """);
            command.Parameters.Add(new() { Value = one.Tenant });
            command.Parameters.Add(new() { Value = one.Action });
            command.Parameters.Add(new() { Value = locked[one.Tenant] });
            command.Parameters.Add(new() { Value = one.IsPerformed });
            command.Parameters.Add(new() { Value = one.Dispatch });
            settle.BatchCommands.Add(command);
        }

        await settle.ExecuteNonQueryAsync(stop);
    }

    /// <summary>Forgets what no window can reach any more; answers how many rows went.</summary>
    public static async Task<long> TrimAsync(NpgsqlDataSource store, CancellationToken stop) =>
        await DeadRows.DeleteAsync(store, "limit_bucket", "forgotten_at < now()", null, stop)
        + await DeadRows.DeleteAsync(store, "reservation", "forgotten_at < now()", null, stop)
        + await DeadRows.DeleteAsync(store, "limit_counter", "used_at < now() - $1", CounterRetention, stop);

    private static async Task LockAsync(NpgsqlTransaction transaction, string[] tenants, byte[][] counters, CancellationToken stop)
    {
        // Made or found, and locked, in one statement: between two of them an old counter could be forgotten, and then nothing locked.
        await using var command = new NpgsqlCommand(
            """
            insert into limit_counter (tenant_id, counter) select t, c from unnest($1, $2) as u (t, c) order by t, c
            on conflict (tenant_id, counter) do update set used_at = excluded.used_at
            """,
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = tenants });
        command.Parameters.Add(new() { Value = counters });
        await command.ExecuteNonQueryAsync(stop);
    }
}

/// <summary>A dispatch of an action that has ended.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="Action">The action's digest, 32 bytes.</param>
/// <param name="Dispatch">Its number.</param>
/// <param name="IsPerformed">False only when it is certain that nothing happened outside.</param>
internal sealed record EndedDispatch(string Tenant, byte[] Action, int Dispatch, bool IsPerformed);
