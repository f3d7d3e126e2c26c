using Mesh.Audit;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Audit.Tests;

public sealed class UpkeepTests(Installation installation) : IClassFixture<Installation>
{
    [Fact]
    public async Task Messages_that_no_replay_can_bring_again_are_forgotten_and_others_are_not()
    {
        await using var replica = installation.Open();
        await installation.AsSuperuserAsync(
            $"""
            insert into inbox (consumer, message_id, received_at)
            select 'audit', gen_random_uuid(), clock_timestamp() - interval '{Inbox.Retention.TotalDays} days' + case when n <= 2 then 1 else -1 end * interval '1 hour'
            from generate_series(1, 12000) n
            """);
        using var upkeep = new Upkeep(replica.Store, new HastyClock(), NullLogger<Upkeep>.Instance);

        await upkeep.StartAsync(Stop);

        await Eventually.Async(async () => await replica.ScalarAsync<long>("select count(*) from inbox") == 2);
        await upkeep.StopAsync(Stop);
    }

    /// <summary>Every wait is over at once.</summary>
    private sealed class HastyClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, TimeSpan.FromMilliseconds(1), period);
    }
}
