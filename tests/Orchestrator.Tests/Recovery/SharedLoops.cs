using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.TestKit;

namespace Mesh.Orchestrator.Tests.Recovery;

/// <summary>What is due happens, whatever stands before it.</summary>
public sealed class SharedLoops(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tasks_whose_end_always_fails_keep_no_other_from_its_end()
    {
        await journal.DeclareAsync("unreadable", "no JSON");
        var bad = new List<TaskKey>();

        for (var n = 0; n < 20; n++)
        {
            bad.Add(await OverdueAsync("unreadable", TimeSpan.FromHours(2)));
            await journal.ExecuteAsync(
                $"""
                insert into orchestrator.journal(tenant_id, task_id, seq, step, step_fact, kind, body)
                values ('acme', '{bad[^1].Id:D}', 9, 'tool#0', 0, 'CallDispatched', '')
                """);
        }

        var good = await OverdueAsync("fine", TimeSpan.FromHours(1));
        await using var replica = new Replica(journal);

        await replica.StartLoopAsync();

        await Eventually.Async(async () => await StateAsync(good) == TaskState.Cancelled);
        Assert.Equal(TaskState.Ready, await StateAsync(bad[0]));
    }

    [Fact]
    public async Task An_agent_that_only_extends_loses_a_task_whose_end_was_asked_for()
    {
        var (task, claim) = await journal.RunningAsync("stubborn");
        await using var replica = new Replica(journal);
        await replica.StartLoopAsync();

        await journal.WriteInOneBatchAsync(
            [
                new JournalWrite
                {
                    Task = task.Key,
                    Fence = new Fence.Observed(task.Epoch, TaskState.Running),
                    Facts = [],
                    RequestsCancel = new CancelRequest("CANCELLED", "enough"),
                },
            ],
            new ClockThatIsLate(Claims.CancelGrace));

        await Eventually.Async(async () =>
        {
            await replica.Claims.ExtendAsync(Replica.AgentOf("stubborn"), [claim], Stop);

            return await StateAsync(task.Key) == TaskState.Cancelled;
        });
        var late = await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "late#0", 0), Stop);
        Assert.IsType<JournalAnswer.ClaimLost>(late);
    }

    [Fact]
    public async Task However_many_tasks_are_to_end_and_cannot_yet_claims_still_run_out()
    {
        // More than one look brings, of both kinds, and each waits for its row.
        await journal.ExecuteAsync(
            """
            insert into orchestrator.task(tenant_id, id, workflow, workflow_version, initiator, state, epoch, seq, attempt, steps, deadline, created_at, cancel_requested)
            select 'acme', gen_random_uuid(), 'crowd', 'sha256:00', 'person:ann', 1, 0, 1, 0, 0, now() + (case when n % 2 = 0 then -1 else 1 end) * interval '1 d', now(), n % 2 = 1
            from generate_series(1, 900) n
            """);
        await using var held = await journal.HoldAsync("workflow = 'crowd'");
        await using var replica = new Replica(journal);
        await replica.StartLoopAsync();
        await Eventually.Async(async () =>
            await journal.CountAsync("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") > 0);

        var (task, _) = await journal.RunningAsync("beside");
        await journal.ExecuteAsync($"update orchestrator.task set claim_until = now() where id = '{task.Key.Id:D}'");

        await Eventually.Async(async () => await StateAsync(task.Key) == TaskState.Ready);
    }

    [Fact]
    public async Task A_claim_that_was_extended_after_the_loop_saw_it_run_out_is_not_ended()
    {
        var (task, claim) = await journal.RunningAsync("late");
        await using var replica = new Replica(journal);
        await replica.Claims.ExtendAsync(Replica.AgentOf("late"), [claim], Stop);

        Assert.False(await replica.Claims.EndAsync(task with { ClaimUntil = DateTimeOffset.UtcNow.AddSeconds(-1) }, ClaimEnd.Expired, Stop));

        Assert.Equal(TaskState.Running, await StateAsync(task.Key));
    }

    [Fact]
    public async Task What_an_agent_holds_stays_its_own_while_it_extends()
    {
        var (task, claim) = await journal.RunningAsync("calm");
        await using var replica = new Replica(journal);
        await journal.ExecuteAsync($"update orchestrator.task set claim_until = now() where id = '{task.Key.Id:D}'");

        var held = await replica.Claims.ExtendAsync(Replica.AgentOf("calm"), [claim], Stop);

        Assert.InRange(Assert.Single(held)!.Until - DateTimeOffset.UtcNow, TimeSpan.FromSeconds(20), Claims.Lasts);
    }

    private async Task<TaskKey> OverdueAsync(string workflow, TimeSpan since)
    {
        var key = new TaskKey("acme", Guid.CreateVersion7());
        await journal.One.AppendAsync(JournalFixture.Submission(key, workflow: workflow), Stop);
        await journal.ExecuteAsync($"update orchestrator.task set deadline = now() - interval '{since.TotalSeconds:0} s' where id = '{key.Id:D}'");

        return key;
    }

    private async Task<TaskState> StateAsync(TaskKey key) => (await journal.One.ReadTaskAsync(key, Stop))!.State;

    private sealed class ClockThatIsLate(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() - by;
    }
}
