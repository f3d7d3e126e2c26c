using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;

namespace Mesh.Orchestrator.Tests.Journal;

/// <summary>What the journal lets through, and what it refuses, on a real PostgreSQL.</summary>
public sealed class AppendTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Entries_of_a_task_are_numbered_without_a_gap_whoever_writes_them()
    {
        var (task, claim) = await journal.RunningAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(n =>
            (n % 2 == 0 ? journal.One : journal.Two).AppendAsync(JournalFixture.Step(task, claim, $"s#{n}", n), Stop)));

        Assert.All(answers, answer => Assert.IsType<JournalAnswer.Written>(answer));
        var entries = await journal.One.ReadEntriesAsync(task.Key, 0, 1_000, Stop);
        Assert.Equal(Enumerable.Range(1, 66).Select(n => (long)n), entries.Select(entry => entry.Seq));
    }

    [Fact]
    public async Task Of_many_writers_of_one_step_exactly_one_writes_it()
    {
        var (task, claim) = await journal.RunningAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(n =>
            (n % 2 == 0 ? journal.One : journal.Two).AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop)));

        Assert.Single(answers.OfType<JournalAnswer.Written>());
        Assert.Equal(39, answers.OfType<JournalAnswer.StepMoved>().Count());
    }

    [Fact]
    public async Task Another_step_at_a_taken_position_is_refused_by_name()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "first#0", 0), Stop);

        var answer = await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "second#0", 0), Stop);

        Assert.Equal("first#0", Assert.IsType<JournalAnswer.PositionTaken>(answer).Step);
    }

    [Fact]
    public async Task Branches_count_their_positions_each_for_itself()
    {
        var (task, claim) = await journal.RunningAsync();

        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "a/s#0", 0), Stop));
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(JournalFixture.Step(task, claim, "b/s#0", 0), Stop));
    }

    [Fact]
    public async Task A_replaced_agent_writes_nothing_and_what_was_dispatched_can_still_be_settled()
    {
        var (task, old) = await journal.RunningAsync();
        await DispatchAsync(task, old);
        var (now, _) = await journal.ReplaceAsync(task);

        var step = await journal.One.AppendAsync(JournalFixture.Step(task, old, "late#0", 9), Stop);
        var settlement = await journal.One.AppendAsync(
            Call(task, 3, new CallSettled(new CallEnd.Succeeded("{}"u8.ToArray(), 200, ""), 1, null)) with { Fence = new Fence.Settlement() }, Stop);

        Assert.IsType<JournalAnswer.ClaimLost>(step);
        Assert.IsType<JournalAnswer.Written>(settlement);
        Assert.Equal(2, now.Epoch);
    }

    [Fact]
    public async Task A_second_settlement_of_one_dispatch_is_refused()
    {
        var (task, claim) = await journal.RunningAsync();
        await DispatchAsync(task, claim);
        var settled = Call(task, 3, new CallSettled(new CallEnd.Succeeded("{}"u8.ToArray(), 200, ""), 1, null)) with { Fence = new Fence.Settlement() };

        var answers = await Task.WhenAll(journal.One.AppendAsync(settled, Stop), journal.Two.AppendAsync(settled, Stop));

        Assert.Single(answers.OfType<JournalAnswer.Written>());
        Assert.Single(answers.OfType<JournalAnswer.StepMoved>());
    }

    [Fact]
    public async Task Nothing_is_dispatched_once_somebody_asked_for_the_tasks_end()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.Running),
                Facts = [],
                RequestsCancel = new CancelRequest("CANCELLED", "enough"),
            },
            Stop);

        var answer = await journal.Two.AppendAsync(Call(task, 0, Requested()) with { Fence = new Fence.LiveClaim(claim.Hash) }, Stop);

        Assert.IsType<JournalAnswer.CancelRequested>(answer);
    }

    [Fact]
    public async Task A_task_does_not_end_over_a_call_whose_fate_is_not_recorded()
    {
        var (task, claim) = await journal.RunningAsync();
        await DispatchAsync(task, claim);
        var end = new JournalWrite
        {
            Task = task.Key,
            Fence = new Fence.Claim(claim.Hash),
            Facts = [new TaskFinished(TaskOutcome.Completed, "{}"u8.ToArray(), "", "", "")],
        };

        Assert.IsType<JournalAnswer.CallOpen>(await journal.Two.AppendAsync(end, Stop));
        await journal.One.AppendAsync(Call(task, 3, new CallInterrupted(1)), Stop);
        Assert.IsType<JournalAnswer.CallOpen>(await journal.Two.AppendAsync(end, Stop));
        await journal.One.AppendAsync(Call(task, 4, new CallSettled(new CallEnd.Unknown("?"), 1, null)), Stop);

        Assert.IsType<JournalAnswer.Written>(await journal.Two.AppendAsync(end, Stop));
    }

    [Fact]
    public async Task An_end_and_a_dispatch_at_the_same_moment_are_told_apart()
    {
        for (var round = 0; round < 40; round++)
        {
            var (task, claim) = await journal.RunningAsync();
            var end = journal.One.AppendAsync(
                new JournalWrite
                {
                    Task = task.Key,
                    Fence = new Fence.Claim(claim.Hash),
                    Facts = [new TaskFinished(TaskOutcome.Completed, "{}"u8.ToArray(), "", "", "")],
                },
                Stop);
            var dispatch = (round % 2 == 0 ? journal.One : journal.Two).AppendAsync(Dispatch(task, claim), Stop);
            await Task.WhenAll(end, dispatch);

            Assert.NotEqual(await end is JournalAnswer.Written, await dispatch is JournalAnswer.Written);
        }
    }

    [Fact]
    public async Task One_request_key_starts_one_task_however_often_it_comes()
    {
        var request = new RequestKey("acme", $"k-{Guid.NewGuid():N}", [1, 2, 3]);

        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(n => (n % 2 == 0 ? journal.One : journal.Two)
            .AppendAsync(JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7()), request), Stop)));

        var started = Assert.Single(answers.OfType<JournalAnswer.Written>());
        Assert.All(answers.OfType<JournalAnswer.Existed>(), existed =>
        {
            Assert.Equal(started.Task.Key.Id, existed.TaskId);
            Assert.True(existed.SameBody);
        });
        var other = await journal.One.AppendAsync(
            JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7()), request with { BodyDigest = [9] }), Stop);
        Assert.False(Assert.IsType<JournalAnswer.Existed>(other).SameBody);
    }

    [Fact]
    public async Task What_came_before_the_task_parked_on_it_wakes_it_at_once()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], Arrives = new Arrival("approval:a-1", "approved") }, Stop);

        var parked = await journal.One.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Claim(claim.Hash),
                Facts = [new TaskParked(new Wait.Approval("a-1"), "waits")],
            },
            Stop);

        Assert.Equal(TaskState.Ready, Assert.IsType<JournalAnswer.Written>(parked).Task.State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Parking_and_what_it_waits_for_meet_in_one_batch_too(bool comesFirst)
    {
        var (task, claim) = await journal.RunningAsync();
        var park = new JournalWrite
        {
            Task = task.Key,
            Fence = new Fence.Claim(claim.Hash),
            Facts = [new TaskParked(new Wait.Approval("a-1"), "waits")],
        };
        var arrive = new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], Arrives = new Arrival("approval:a-1", "approved") };

        var answers = await journal.WriteInOneBatchAsync(comesFirst ? [arrive, park] : [park, arrive]);

        Assert.All(answers, answer => Assert.IsType<JournalAnswer.Written>(answer));
        Assert.Equal(TaskState.Ready, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
        Assert.Equal(0, await journal.CountAsync($"select count(*) from orchestrator.arrival where task_id = '{task.Key.Id:D}'"));
    }

    [Fact]
    public async Task Parking_and_what_it_waits_for_never_miss_each_other()
    {
        for (var round = 0; round < 60; round++)
        {
            var (task, claim) = await journal.RunningAsync();
            var park = journal.One.AppendAsync(
                new JournalWrite
                {
                    Task = task.Key,
                    Fence = new Fence.Claim(claim.Hash),
                    Facts = [new TaskParked(new Wait.Approval("a-1"), "waits")],
                },
                Stop);
            var arrive = journal.Two.AppendAsync(
                new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], Arrives = new Arrival("approval:a-1", "approved") }, Stop);
            await Task.WhenAll(park, arrive);

            Assert.Equal(TaskState.Ready, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
        }
    }

    [Fact]
    public async Task A_step_above_the_workflows_limit_is_refused()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0) with { StepsMax = 1 }, Stop);

        var answer = await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#1", 1) with { StepsMax = 1 }, Stop);

        Assert.Equal(1, Assert.IsType<JournalAnswer.StepLimit>(answer).Max);
    }

    [Fact]
    public async Task Every_entry_leaves_with_the_outbox_in_the_transaction_that_wrote_it()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop);

        var messages = await journal.CountAsync($"select count(*) from orchestrator.outbox where key = '{task.Key.Id:D}'");

        Assert.Equal(2, messages);
    }

    [Fact]
    public async Task A_task_whose_row_a_stopped_replica_holds_stops_no_other_task()
    {
        var (held, heldClaim) = await journal.RunningAsync();
        var (free, freeClaim) = await journal.RunningAsync();
        await using var stopped = await journal.HoldAsync(held);

        var blocked = journal.Two.AppendAsync(JournalFixture.Step(held, heldClaim, "s#0", 0), Stop);
        var started = TimeProvider.System.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(n =>
            journal.Two.AppendAsync(JournalFixture.Step(free, freeClaim, $"s#{n}", n), Stop)));

        Assert.All(answers, answer => Assert.IsType<JournalAnswer.Written>(answer));
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(4));
        Assert.False((await Assert.ThrowsAsync<StoreUnavailableException>(() => blocked)).MayHaveCommitted);

        await stopped.DisposeAsync();
        Assert.IsType<JournalAnswer.Written>(await journal.Two.AppendAsync(JournalFixture.Step(held, heldClaim, "s#0", 0), Stop));
    }

    private async Task DispatchAsync(TaskRow task, ClaimToken claim) =>
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(Dispatch(task, claim), Stop));

    internal static JournalWrite Dispatch(TaskRow task, ClaimToken claim)
    {
        var why = new Decisions.Explanation("sha256:00", [], "r", Degraded: false);
        var permitted = new CallDecided(new Decisions.Decision.Permitted(why, "d", new byte[] { 1 }, Reserved: false, ApprovalId: ""));

        return Call(task, 0, Requested(), permitted, new CallDispatched(1, DispatchPurpose.Perform)) with { Fence = new Fence.LiveClaim(claim.Hash) };
    }

    private static CallRequested Requested() => new(5, "payments.refund", "sha256:00", "{}"u8.ToArray(), JournalFixture.AnyDigest);

    private static JournalWrite Call(TaskRow task, int seen, params Fact[] facts) => new()
    {
        Task = task.Key,
        Step = StepKey.TryParse("tool#0", out var step) ? step : default,
        StepFactsSeen = seen,
        Facts = facts,
        Fence = new Fence.Settlement(),
    };
}
