using System.Collections.Concurrent;
using System.Diagnostics;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Played;
using Mesh.TestKit;
using Npgsql;

namespace Mesh.Orchestrator.Tests.Journal;

/// <summary>What a replica remembers saves it a round trip, and never misleads it, whoever else writes meanwhile.</summary>
public sealed class RecentTasksTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_to_a_task_that_this_replica_started_takes_one_round_trip()
    {
        using var trips = new RoundTrips(journal.Database);
        var (task, claim) = await journal.RunningAsync();
        Assert.Equal(1, trips.Take());

        var step = StepOf("s#0");
        Assert.Empty((await journal.One.ReadStepAsync(task.Key, step, claim, Stop)).Facts);
        Assert.Equal(0, trips.Take());

        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop));
        Assert.Equal(1, trips.Take());

        // What is written is read, and so is everything of a task that another replica started.
        Assert.Single((await journal.One.ReadStepAsync(task.Key, step, claim, Stop)).Facts);
        Assert.Equal(1, trips.Take());
        Assert.IsType<JournalAnswer.Written>(await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "s#1", 1), Stop));
        Assert.Equal(2, trips.Take());
    }

    [Fact]
    public async Task Who_was_replaced_at_another_replica_is_refused_here_and_who_came_is_not()
    {
        var (task, old) = await journal.RunningAsync();
        var (_, next) = await journal.ReplaceAsync(task);

        // Here the old claim is still the remembered one.
        Assert.IsType<JournalAnswer.ClaimLost>(await journal.One.AppendAsync(JournalFixture.Step(task, old, "old#0", 0), Stop));
        var written = Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, next, "new#0", 0), Stop));

        Assert.Equal(5, written.Task.Seq);
        Assert.Equal(["", "", "", "", "new#0"], await StepsAsync(task.Key));
    }

    [Fact]
    public async Task What_another_replica_recorded_is_neither_written_again_nor_overlooked()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop);

        // Whoever ends the task, or asks policy, on the word of what is remembered does not get through, and then reads.
        var remembered = (await journal.One.ReadStepAsync(task.Key, StepOf("s#0"), claim, Stop)).RememberedAt!.Value;
        Assert.False(await journal.One.IsAtAsync(task.Key, remembered, Stop));
        var finish = new JournalWrite { Task = task.Key, Fence = new Fence.Claim(claim.Hash), Facts = [Finished], VersionSeen = remembered };
        Assert.IsType<JournalAnswer.TaskMoved>(await journal.One.AppendAsync(finish, Stop));
        Assert.Equal(
            "s#0", (await journal.One.ReadWithSkippedStepAsync(task.Key, claim, new Dictionary<string, int> { ["none"] = 1 }, Stop)).SkippedStep);
        Assert.IsType<JournalAnswer.StepMoved>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop));
        Assert.IsType<JournalAnswer.PositionTaken>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "other#0", 0), Stop));
        Assert.Equal(["", "", "s#0"], await StepsAsync(task.Key));
    }

    [Fact]
    public async Task A_task_does_not_end_here_over_a_call_that_another_replica_dispatched()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(AppendTests.Dispatch(task, claim), Stop);

        var ended = await journal.One.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Claim(claim.Hash), Facts = [Finished] },
            Stop);

        Assert.IsType<JournalAnswer.CallOpen>(ended);
    }

    [Fact]
    public async Task A_longer_claim_and_a_wish_to_cancel_survive_a_write_that_knew_neither()
    {
        using var trips = new RoundTrips(journal.Database);
        var (task, claim) = await journal.RunningAsync();
        var until = DateTimeOffset.UtcNow.AddHours(3);
        await journal.ExecuteAsync($"update orchestrator.task set claim_until = '{until:O}' where id = '{task.Key.Id:D}'");
        await journal.Two.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], RequestsCancel = new CancelRequest("CANCELLED", "by ann") }, Stop);
        await journal.ExecuteAsync($"update orchestrator.task set claim_until = '{until:O}' where id = '{task.Key.Id:D}'");
        trips.Take();

        var written = Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop));
        var now = (await journal.Two.ReadTaskAsync(task.Key, Stop))!;
        trips.Take();

        Assert.True(written.Task.CancelRequested && now.CancelRequested);
        Assert.Equal(until, now.ClaimUntil!.Value, TimeSpan.FromMilliseconds(1));
        Assert.IsType<JournalAnswer.CancelRequested>(await journal.One.AppendAsync(AppendTests.Dispatch(task, claim), Stop));

        // Nobody else has written to the journal: the next write is quick again.
        trips.Take();
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#1", 1), Stop));
        Assert.Equal(1, trips.Take());
    }

    [Fact]
    public async Task An_end_that_does_not_know_of_a_wish_to_cancel_is_decided_again()
    {
        var (task, claim) = await journal.RunningAsync();
        var (_, version, _) = await journal.One.ReadWithSkippedStepAsync(task.Key, claim, new Dictionary<string, int>(), Stop);
        Assert.True(await journal.Two.IsAtAsync(task.Key, version, Stop));
        await journal.Two.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], RequestsCancel = new CancelRequest("CANCELLED", "by ann") }, Stop);
        var finish = new JournalWrite { Task = task.Key, Fence = new Fence.Claim(claim.Hash), Facts = [Finished], VersionSeen = version };

        Assert.IsType<JournalAnswer.TaskMoved>(await journal.One.AppendAsync(finish, Stop));
        var (row, now, _) = await journal.One.ReadWithSkippedStepAsync(task.Key, claim, new Dictionary<string, int>(), Stop);
        Assert.True(row!.CancelRequested);
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(finish with { VersionSeen = now }, Stop));
    }

    [Fact]
    public async Task A_request_key_that_is_taken_is_found_by_who_did_not_look()
    {
        var request = new RequestKey("acme", $"{Guid.NewGuid():N}", [1]);
        var first = new TaskKey("acme", Guid.CreateVersion7());
        await journal.Two.AppendAsync(JournalFixture.Submission(first, request), Stop);

        // In one batch with others, which are started all the same.
        var others = Enumerable.Range(0, 8).Select(_ => journal.One.AppendAsync(JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7())), Stop)).ToArray();
        var again = await journal.One.AppendAsync(JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7()), request), Stop);

        Assert.Equal(new JournalAnswer.Existed(first.Id, SameBody: true), again);
        Assert.All(await Task.WhenAll(others), answer => Assert.IsType<JournalAnswer.Written>(answer));
    }

    // Whoever reads the key before it writes would find out only from the table's constraint, too late to say whose task it is.
    [Fact]
    public async Task A_task_is_not_started_without_a_look_while_another_replica_looks_for_its_key()
    {
        var request = new RequestKey("acme", $"{Guid.NewGuid():N}", [1]);
        await journal.One.AppendAsync(JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7())), Stop);
        await using var other = await journal.Store.OpenConnectionAsync(Stop);
        await using var looking = await other.BeginTransactionAsync(Stop);
        await using (var batch = new NpgsqlBatch(other) { BatchCommands = { JournalHeads.LockKeys([(request.Tenant, request.Key)]) } })
        {
            await batch.ExecuteNonQueryAsync(Stop);
        }

        var starting = journal.One.AppendAsync(JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7()), request), Stop);
        await Eventually.Async(async () => await journal.CountAsync("select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())") == 1);
        await looking.RollbackAsync(Stop);

        Assert.IsType<JournalAnswer.Written>(await starting);
    }

    [Fact]
    public async Task What_was_not_heard_of_for_some_seconds_is_not_tried_on()
    {
        var clock = new PlayedClock();
        await using var replica = journal.Open(clock);
        var (task, claim) = await journal.RunningAsync(at: replica);
        Assert.NotNull((await replica.ReadStepAsync(task.Key, StepOf("s#0"), claim, Stop)).RememberedAt);

        await Task.Delay(TimeSpan.FromSeconds(5), clock, Stop);

        Assert.Null((await replica.ReadStepAsync(task.Key, StepOf("s#0"), claim, Stop)).RememberedAt);
    }

    [Fact]
    public async Task What_a_commit_took_reaches_the_timeline_once_also_when_the_first_try_fails()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop);

        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#1", 1), Stop);

        var entries = await journal.One.ReadEntriesAsync(task.Key, 0, 100, Stop);
        Assert.Equal(["checkpoint #2"], entries.SelectMany(entry => entry.Spans).Select(span => span.Subject));
        Assert.Equal("s#1", Assert.Single(entries, entry => entry.Spans.Count > 0).Step);
    }

    [Fact]
    public async Task Replicas_that_write_the_same_tasks_at_once_keep_one_history()
    {
        var tasks = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => journal.RunningAsync()));

        // Each step is tried by both; of each position one step comes to be.
        var answers = await Task.WhenAll(tasks.SelectMany(running => Enumerable.Range(0, 40).SelectMany(n => new[] { journal.One, journal.Two }.Select(replica =>
            Task.Run(() => replica.AppendAsync(JournalFixture.Step(running.Task, running.Claim, $"s#{n}", n), Stop))))));

        Assert.Equal(tasks.Length * 40, answers.OfType<JournalAnswer.Written>().Count());
        Assert.Equal(tasks.Length * 40, answers.OfType<JournalAnswer.StepMoved>().Count());

        foreach (var (task, _) in tasks)
        {
            var entries = await journal.One.ReadEntriesAsync(task.Key, 0, 1_000, Stop);
            Assert.Equal(Enumerable.Range(1, 42).Select(n => (long)n), entries.Select(entry => entry.Seq));
            Assert.Equal(42, (await journal.Two.ReadTaskAsync(task.Key, Stop))!.Seq);
        }
    }

    private static TaskFinished Finished => new(TaskOutcome.Completed, "1"u8.ToArray(), "", "", "");

    private async Task<IEnumerable<string>> StepsAsync(TaskKey task) =>
        (await journal.One.ReadEntriesAsync(task, 0, 100, Stop)).Select(entry => entry.Step);

    private static StepKey StepOf(string step) => StepKey.TryParse(step, out var key) ? key : throw new ArgumentException(step, nameof(step));

    /// <summary>Counts how often a database is asked.</summary>
    private sealed class RoundTrips : IDisposable
    {
        private readonly ConcurrentQueue<Activity> asked = new();
        private readonly ActivityListener listener;

        public RoundTrips(string database)
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Npgsql",
                Sample = (ref _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity =>
                {
                    // Whether a connection is there yet depends on who ran before.
                    var opens = activity.OperationName.StartsWith("CONNECT", StringComparison.Ordinal)
                        || activity.GetTagItem("db.query.text") is string text && text.StartsWith("set ", StringComparison.Ordinal);

                    if (!opens && activity.TagObjects.Any(tag => tag.Key is "db.namespace" or "db.name" && database.Equals(tag.Value)))
                    {
                        asked.Enqueue(activity);
                    }
                },
            };
            ActivitySource.AddActivityListener(listener);
        }

        /// <summary>How often since the last time that this was asked.</summary>
        public int Take()
        {
            var count = asked.Count;
            asked.Clear();

            return count;
        }

        public void Dispose() => listener.Dispose();
    }
}
