using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Recovery;

/// <summary>What is looked up again and again costs the same however many tasks wait.</summary>
public sealed class ManyTasks(JournalFixture journal) : IClassFixture<JournalFixture>
{
    [Fact]
    public async Task With_a_hundred_thousand_parked_tasks_no_look_reads_the_table_whole()
    {
        await journal.ExecuteAsync(
            """
            insert into orchestrator.task(tenant_id, id, workflow, workflow_version, initiator, state, epoch, seq, attempt, steps, deadline, created_at)
            select 'acme', gen_random_uuid(), 'w' || n % 20, 'sha256:00', 'person:ann', 3 + n % 4, 1, 3, 1, 0, now() + interval '7 d', now() - n * interval '1 s'
            from generate_series(1, 100000) n
            """);
        await journal.ExecuteAsync("analyze orchestrator.task");

        await AssertIndexedAsync(SharedLoop.Due, Array.Empty<Guid>(), 200, Array.Empty<Guid>(), 200);
        await AssertIndexedAsync(Assignments.Assign, "runner-1", "http://127.0.0.1:1", TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(30), 8);
        await AssertIndexedAsync(WorkPump.Candidates, "acme", "w1", "sha256:00", 64);
        await AssertIndexedAsync(TaskReader.List, "acme", "", Array.Empty<short>(), DateTimeOffset.UtcNow, Guid.Empty, 50);
        await AssertIndexedAsync(TaskReader.FindShort, "acme", "0123abcd");
    }

    private async Task AssertIndexedAsync(string statement, params object[] parameters)
    {
        await using var command = journal.One.Command("explain " + statement, parameters);
        await using var rows = await command.ExecuteReaderAsync();
        var plan = new List<string>();

        while (await rows.ReadAsync())
        {
            plan.Add(rows.GetString(0));
        }

        Assert.DoesNotContain(plan, line => line.Contains("Seq Scan on task", StringComparison.Ordinal));
        Assert.Contains(plan, line => line.Contains(" on task", StringComparison.Ordinal));
    }
}
