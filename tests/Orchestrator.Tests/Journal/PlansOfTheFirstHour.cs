using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.TestKit;

namespace Mesh.Orchestrator.Tests.Journal;

/// <summary>Statements are planned when a mesh is new and its tables are empty. Those plans must be right later, too.</summary>
public sealed class PlansOfTheFirstHour(JournalFixture journal) : IClassFixture<JournalFixture>
{
    [Fact]
    public async Task What_was_planned_for_an_empty_table_finds_tasks_among_many_by_an_index()
    {
        // Six times: from then on PostgreSQL may keep a plan that is not made for the values.
        for (var task = 0; task < 6; task++)
        {
            await RecordAndReadAsync();
        }

        await journal.ExecuteAsync(
            """
            insert into orchestrator.task(tenant_id, id, workflow, workflow_version, initiator, state, epoch, seq, attempt, steps, deadline, created_at)
            select 'acme', gen_random_uuid(), 'w', 'sha256:00', 'person:ann', 7, 1, 3, 1, 0, now() + interval '7 d', now() from generate_series(1, 5000)
            """);
        var before = await EntriesReadAsync();

        for (var task = 0; task < 20; task++)
        {
            await RecordAndReadAsync();
        }

        // A session tells the server's counters about its work a moment later, all of it at once.
        await Eventually.Async(async () => await journal.CountAsync("select n_tup_upd from pg_stat_user_tables where schemaname = 'orchestrator' and relname = 'task'") >= 52);
        Assert.InRange(await EntriesReadAsync() - before, 0, 2_000);
    }

    private Task<long> EntriesReadAsync() => journal.CountAsync(
        """
        select sum(i.idx_tup_read)::bigint + min(t.seq_tup_read) from pg_stat_user_indexes i join pg_stat_user_tables t using (relid)
        where t.schemaname = 'orchestrator' and t.relname = 'task'
        """);

    private async Task RecordAndReadAsync()
    {
        var (task, claim) = await journal.RunningAsync();

        for (var step = 0; step < 2; step++)
        {
            await journal.One.AppendAsync(JournalFixture.Step(task, claim, $"step#{step}", step), CancellationToken.None);
        }

        await journal.One.ReadTaskAsync(task.Key, CancellationToken.None);
        await journal.One.ReadTasksAsync(WorkPump.Candidates, CancellationToken.None, "acme", "w", "sha256:00", 64);
        await journal.One.ReadTasksAsync(SharedLoop.Due, CancellationToken.None, Array.Empty<Guid>(), 200, Array.Empty<Guid>(), 200);
        await journal.One.ReadWithPayloadsAsync(task.Key, CancellationToken.None);
        await journal.One.ReadStepAsync(task.Key, StepKey.TryParse("step#0", out var key) ? key : default, CancellationToken.None);
    }
}
