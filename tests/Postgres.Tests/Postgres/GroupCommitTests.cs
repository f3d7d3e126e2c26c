using System.Collections.Concurrent;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Postgres.Tests.Postgres;

public sealed class GroupCommitTests(NoteStore store) : IClassFixture<NoteStore>
{
    private readonly ConcurrentQueue<int> batches = new();
    private readonly TaskCompletionSource held = new();
    private readonly TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Entry(int Id, string Text, int Task = 0, int Epoch = 0);

    [Fact]
    public async Task A_lone_entry_is_written_at_once_and_alone()
    {
        await using var commits = Open(WriteAsync);

        var written = await commits.AppendAsync(new(1_000, "lone"));

        Assert.True(written);
        Assert.Equal([1], batches);
    }

    [Fact]
    public async Task Where_many_are_at_work_what_comes_within_a_moment_is_written_together()
    {
        var clock = new HeldClock();
        await using var commits = Open(WriteAsync, new() { Name = "notes", Siblings = () => 16, SiblingsMin = 16 }, clock);

        var entries = Enumerable.Range(1_100, 5).Select(id => commits.AppendAsync(new(id, "n"))).ToList();
        Assert.Empty(batches);
        clock.Pass();

        Assert.All(await Task.WhenAll(entries), Assert.True);
        Assert.Equal([5], batches);
    }

    [Fact]
    public async Task Where_few_are_at_work_nobody_waits_for_company()
    {
        await using var commits = Open(WriteAsync, new() { Name = "notes", Siblings = () => 14, SiblingsMin = 16, Gathering = TimeSpan.FromDays(1) });

        Assert.True(await commits.AppendAsync(new(1_200, "n")));
        Assert.True(await commits.AppendAsync(new(1_201, "n")));
        Assert.Equal([1, 1], batches);
    }

    [Fact]
    public async Task What_gathers_behind_a_busy_writer_leaves_together_and_the_callers_before_hear_first()
    {
        var (siblings, clock) = (0, new HeldClock());
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1, Siblings = () => siblings }, clock);
        var first = commits.AppendAsync(new(1_300, "n"));
        await arrived.Task;
        siblings = 64;
        var second = commits.AppendAsync(new(1_301, "n"));
        held.SetResult();

        // The second gathers now.
        await first;
        await Eventually.Async(() => clock.IsWaitedFor);
        var third = commits.AppendAsync(new(1_302, "n"));
        Assert.False(second.IsCompleted);
        clock.Pass();
        await Task.WhenAll(second, third);

        Assert.Equal([1, 2], batches);
    }

    [Fact]
    public async Task What_is_more_than_one_batch_after_a_moment_is_another_writers_at_once()
    {
        var clock = new HeldClock();
        await using var commits = Open(WriteAsync, new() { Name = "notes", BatchMax = 2, Siblings = () => 16 }, clock);

        var entries = Enumerable.Range(1_400, 3).Select(id => commits.AppendAsync(new(id, "n"))).ToList();
        clock.Pass();
        await Task.WhenAll(entries);

        Assert.Equal([1, 2], batches.Order());
    }

    // A second connection would be opened for it, and kept; after a pause it would not be trusted to commit in one round trip.
    [Fact]
    public async Task Who_writes_one_entry_after_the_other_needs_one_connection()
    {
        var writers = new ConcurrentDictionary<int, bool>();
        await using var commits = Open(async (transaction, entries, stop) =>
        {
            await transaction.CommitAsync(
                [new("select pg_backend_pid()")],
                async (rows, read) => writers[await rows.ReadAsync(read) ? rows.GetInt32(0) : 0] = true,
                stop);

            return [.. entries.Select(_ => true)];
        });

        for (var id = 0; id < 500; id++)
        {
            await Task.Run(() => commits.AppendAsync(new(id, "n")));
        }

        Assert.Single(writers);
    }

    [Fact]
    public async Task Entries_of_64_callers_share_commits_and_each_gets_its_own_answer()
    {
        await using var commits = Open(WriteAsync);

        var answers = await Task.WhenAll(Enumerable.Range(2_000, 64).Select(id => Task.Run(() => commits.AppendAsync(new(id, "n")))));
        var again = await Task.WhenAll(Enumerable.Range(2_000, 128).Select(id => Task.Run(() => commits.AppendAsync(new(id, "n")))));

        Assert.All(answers, Assert.True);
        Assert.Equal(Enumerable.Repeat(false, 64).Concat(Enumerable.Repeat(true, 64)), again);
        Assert.True(batches.Count < 96, $"{batches.Count} commits for 192 entries");
        Assert.Equal(128L, await store.Source.ScalarAsync<long>("select count(*) from notes where id between 2000 and 2999"));
    }

    [Fact]
    public async Task What_waits_while_the_writer_is_busy_joins_one_batch_of_at_most_256()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(3_000, "n"));
        await arrived.Task;

        var rest = Enumerable.Range(3_001, 300).Select(id => commits.AppendAsync(new(id, "n"))).ToList();
        held.SetResult();
        await Task.WhenAll([first, .. rest]);

        Assert.Equal([1, 256, 44], batches);
    }

    [Fact]
    public async Task Answers_come_in_the_order_of_arrival()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var order = new ConcurrentQueue<int>();
        var first = commits.AppendAsync(new(4_000, "n"));
        await arrived.Task;

        var ids = Enumerable.Range(4_001, 20).Reverse().ToArray();
        var entries = ids.Select(id => commits.AppendAsync(new(id, "n"))).ToArray();
        held.SetResult();
        await Task.WhenAll(entries);

        var rows = await store.Source.ScalarAsync<int[]>("select array_agg(id order by ctid) from notes where id between 4001 and 4999");
        Assert.Equal(ids, rows);
        Assert.True(await first);
    }

    [Fact]
    public async Task A_poison_entry_fails_alone_and_the_rest_of_its_batch_is_written()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(5_000, "n"));
        await arrived.Task;

        var entries = Enumerable.Range(5_001, 100).Select(id => commits.AppendAsync(new(id, id is 5_042 or 5_043 ? "poison" : "n"))).ToList();
        held.SetResult();

        await first;
        await Assert.ThrowsAsync<PostgresException>(() => entries[41]);
        await Assert.ThrowsAsync<PostgresException>(() => entries[42]);
        await Task.WhenAll(entries.Where((_, place) => place is not (41 or 42)));
        Assert.Equal(99L, await store.Source.ScalarAsync<long>("select count(*) from notes where id between 5000 and 5499"));
    }

    [Fact]
    public async Task A_full_disk_is_no_entrys_fault_and_fails_the_whole_batch_at_once()
    {
        await using var commits = Open(
            async (_, entries, _) =>
            {
                arrived.TrySetResult();
                await held.Task;
                batches.Enqueue(entries.Count);
                throw new PostgresException("No space left on device", "ERROR", "ERROR", PostgresErrorCodes.DiskFull);
            },
            new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(5_600, "n"));
        await arrived.Task;

        var entries = Enumerable.Range(5_601, 100).Select(id => commits.AppendAsync(new(id, "n"))).ToList();
        held.SetResult();

        foreach (var entry in entries.Prepend(first))
        {
            Assert.False((await Assert.ThrowsAsync<StoreUnavailableException>(() => entry)).MayHaveCommitted);
        }

        Assert.Equal([1, 100], batches);
    }

    [Fact]
    public async Task A_poison_parameter_fails_alone_too()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(5_500, "n"));
        await arrived.Task;

        var bad = commits.AppendAsync(new(5_501, "not \0 text"));
        var good = commits.AppendAsync(new(5_502, "n"));
        held.SetResult();

        await first;
        await Assert.ThrowsAnyAsync<Exception>(() => bad);
        Assert.True(await good);
    }

    [Fact]
    public async Task What_cannot_even_be_sent_with_the_commit_fails_alone_where_entries_are_repeatable()
    {
        await using var commits = Open(
            async (transaction, entries, stop) =>
            {
                arrived.TrySetResult();
                await held.Task;
                batches.Enqueue(entries.Count);
                var written = new List<bool>();
                await transaction.CommitAsync([Insert(entries)], async (rows, read) => written.Add(await rows.ReadAsync(read)), stop);

                return [.. entries.Select(_ => written.Single())];
            },
            new() { Name = "notes", Writers = 1, IsRepeatable = true });
        var first = commits.AppendAsync(new(5_600, "n"));
        await arrived.Task;

        // Half a character: the driver cannot encode it.
        var bad = commits.AppendAsync(new(5_601, "\uD800"));
        var good = commits.AppendAsync(new(5_602, "n"));
        held.SetResult();

        await first;
        await Assert.ThrowsAsync<StoreUnavailableException>(() => bad);
        Assert.True(await good);
        Assert.Equal([1, 2, 1, 1], batches);
    }

    [Fact]
    public async Task A_fenced_row_fails_alone_in_its_batch()
    {
        await store.Source.ExecuteAsync("insert into fences values (1, 7), (2, 3)");
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(6_000, "n", 1, 7));
        await arrived.Task;

        var stale = commits.AppendAsync(new(6_001, "n", 1, 6));
        var live = commits.AppendAsync(new(6_002, "n", 2, 3));
        held.SetResult();

        Assert.True(await first);
        Assert.False(await stale);
        Assert.True(await live);
        Assert.Equal([1, 2], batches);
    }

    [Fact]
    public async Task A_row_that_another_session_holds_fails_only_the_entry_that_needs_it()
    {
        await store.Source.ExecuteAsync("insert into fences values (11, 7), (12, 7)");
        await using var stopped = new NpgsqlConnection(store.Database.SuperuserConnection);
        await stopped.OpenAsync();
        await using var holding = await stopped.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand($"select 1 from {NoteDbContext.Service}.fences where task = 11 for update", stopped, holding))
        {
            await hold.ExecuteNonQueryAsync();
        }

        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(6_100, "n"));
        await arrived.Task;
        var entries = Enumerable.Range(6_101, 64).Select(id => commits.AppendAsync(new(id, "n", id == 6_130 ? 11 : 12, 7))).ToList();
        held.SetResult();

        await first;
        var blocked = await Assert.ThrowsAsync<StoreUnavailableException>(() => entries[29]);
        Assert.False(blocked.MayHaveCommitted);
        Assert.All(await Task.WhenAll(entries.Where((_, place) => place != 29)), Assert.True);
        await holding.RollbackAsync();
        Assert.True(await commits.AppendAsync(new(6_130, "n", 11, 7)));
    }

    [Fact]
    public async Task A_full_queue_refuses_with_a_retry_time_and_forgets_nobody()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1, QueueMax = 2 });
        var first = commits.AppendAsync(new(7_000, "n"));
        await arrived.Task;
        var waiting = new[] { commits.AppendAsync(new(7_001, "n")), commits.AppendAsync(new(7_002, "n")) };

        var refused = await Assert.ThrowsAsync<StoreBusyException>(() => commits.AppendAsync(new(7_003, "n")));
        held.SetResult();

        Assert.InRange(refused.RetryAfter, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(2));
        await Task.WhenAll([first, .. waiting]);
        Assert.Equal(3L, await store.Source.ScalarAsync<long>("select count(*) from notes where id between 7000 and 7999"));
    }

    [Fact]
    public async Task A_caller_that_hangs_up_withdraws_what_still_waits()
    {
        await using var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        using var hangUp = new CancellationTokenSource();
        var first = commits.AppendAsync(new(8_000, "n"));
        await arrived.Task;

        var withdrawn = commits.AppendAsync(new(8_001, "n"), hangUp.Token);
        await hangUp.CancelAsync();
        held.SetResult();

        await first;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => withdrawn);
        await commits.AppendAsync(new(8_002, "n"));
        Assert.Equal(0L, await store.Source.ScalarAsync<long>("select count(*) from notes where id = 8001"));
    }

    [Fact]
    public async Task Closing_writes_what_waits()
    {
        var commits = Open(HoldFirstAsync, new() { Name = "notes", Writers = 1 });
        var first = commits.AppendAsync(new(9_000, "n"));
        await arrived.Task;
        var second = commits.AppendAsync(new(9_001, "n"));

        var closing = commits.DisposeAsync();
        held.SetResult();
        await closing;

        Assert.True(first.IsCompletedSuccessfully && second.IsCompletedSuccessfully);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => commits.AppendAsync(new(9_002, "n")));
    }

    private GroupCommit<Entry, bool> Open(CommitBatch<Entry, bool> write, GroupCommitOptions? options = null, TimeProvider? clock = null) =>
        new(store.Source, options ?? new() { Name = "notes" }, write, NullLogger.Instance, clock);

    /// <summary>A moment lasts until the test says that it has passed.</summary>
    private sealed class HeldClock : TimeProvider
    {
        private readonly ConcurrentQueue<Action> waiting = new();

        public bool IsWaitedFor => !waiting.IsEmpty;

        public void Pass()
        {
            while (waiting.TryDequeue(out var end))
            {
                end();
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            waiting.Enqueue(() => callback(state));

            return new Timer();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }

    private async Task<IReadOnlyList<bool>> HoldFirstAsync(CommitTransaction transaction, IReadOnlyList<Entry> entries, CancellationToken stop)
    {
        arrived.TrySetResult();
        await held.Task;

        return await WriteAsync(transaction, entries, stop);
    }

    private async Task<IReadOnlyList<bool>> WriteAsync(CommitTransaction transaction, IReadOnlyList<Entry> entries, CancellationToken stop)
    {
        batches.Enqueue(entries.Count);
        var written = new HashSet<int>();
        await transaction.ReadAsync(
            [Insert(entries)],
            async (rows, read) =>
            {
                while (await rows.ReadAsync(read))
                {
                    written.Add(rows.GetInt32(0));
                }
            },
            stop);
        await transaction.CommitAsync([], stop);

        return [.. entries.Select(entry => written.Contains(entry.Id))];
    }

    private static NpgsqlBatchCommand Insert(IReadOnlyList<Entry> entries)
    {
        var command = new NpgsqlBatchCommand(
            """
            insert into notes (id, note_text)
            select e.id, e.text from unnest($1, $2, $3, $4) with ordinality as e(id, text, task, epoch, place)
            where e.task = 0 or exists (select from fences f where f.task = e.task and f.epoch = e.epoch for share)
            order by e.place on conflict do nothing returning id
            """);
        command.Parameters.Add(new() { Value = entries.Select(entry => entry.Id).ToArray() });
        command.Parameters.Add(new() { Value = entries.Select(entry => entry.Text).ToArray() });
        command.Parameters.Add(new() { Value = entries.Select(entry => entry.Task).ToArray() });
        command.Parameters.Add(new() { Value = entries.Select(entry => entry.Epoch).ToArray() });

        return command;
    }
}
