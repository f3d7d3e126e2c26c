using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Recovery;

/// <summary>What nobody asks for again does not stay for ever.</summary>
public sealed class Trims(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Old_request_keys_old_inbox_rows_and_what_came_for_ended_tasks_are_forgotten_and_nothing_else()
    {
        var (live, _) = await journal.RunningAsync();
        var (ended, claim) = await journal.RunningAsync();
        await ArriveAsync(live);
        await ArriveAsync(ended);
        await journal.One.AppendAsync(
            new JournalWrite { Task = ended.Key, Fence = new Fence.Claim(claim.Hash), Facts = [new TaskFinished(TaskOutcome.Completed, "1"u8.ToArray(), "", "", "")] },
            Stop);
        await journal.ExecuteAsync(
            """
            insert into orchestrator.request(tenant_id, key, body_digest, task_id, created_at)
            select 'acme', 'k' || n, '', gen_random_uuid(), now() - interval '6 days' - n * interval '1 minute' from generate_series(1, 12000) n
            """);
        await journal.ExecuteAsync(
            """
            insert into inbox(consumer, message_id, received_at)
            select 'orchestrator', gen_random_uuid(), now() - n * interval '1 day' from generate_series(29, 32) n
            """);

        await new Trim(journal.Store, TimeProvider.System).AllAsync(Stop);

        Assert.Equal(1_439, await journal.CountAsync("select count(*) from orchestrator.request"));
        Assert.Equal(1, await journal.CountAsync("select count(*) from inbox"));
        Assert.Equal(1, await journal.CountAsync($"select count(*) from orchestrator.arrival where task_id = '{live.Key.Id:D}'"));
        Assert.Equal(1, await journal.CountAsync("select count(*) from orchestrator.arrival"));
    }

    private Task<JournalAnswer> ArriveAsync(TaskRow task) => journal.One.AppendAsync(
        new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], Arrives = new Arrival("approval:a", "approved") }, Stop);
}
