using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Offering;

/// <summary>A replica that stops keeps nobody waiting, and so is not kept from its end by anybody.</summary>
public sealed class Stops(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_poll_for_work_ends_empty_when_the_replica_stops()
    {
        await using var replica = new Replica(journal);
        var before = replica.Offers.Wait(Replica.AgentOf("w"), room: 1).ItemsAsync(Long, TimeProvider.System, Stop);

        replica.Life.StopApplication();
        var after = replica.Offers.Wait(Replica.AgentOf("w"), room: 1).ItemsAsync(Long, TimeProvider.System, Stop);

        Assert.Empty(await before.WaitAsync(AtOnce, Stop));
        Assert.Empty(await after.WaitAsync(AtOnce, Stop));
    }

    [Fact]
    public async Task A_runner_that_waits_for_agents_to_run_is_answered_when_the_replica_stops()
    {
        await using var replica = new Replica(journal);
        var request = new V1.AssignAgentsRequest { RunnerInstance = "r-1", RunnerAddress = "http://127.0.0.1:1", Capacity = 1 };
        request.Etag = (await replica.Assignments.WaitAsync(request, Stop)).Etag;
        var waiting = replica.Assignments.WaitAsync(request, Stop);
        Assert.False(waiting.IsCompleted);

        replica.Life.StopApplication();

        Assert.Equal(request.Etag, (await waiting.WaitAsync(AtOnce, Stop)).Etag);
    }

    [Fact]
    public async Task Whoever_watches_a_task_looks_up_when_the_replica_stops()
    {
        await using var replica = new Replica(journal);
        using var watch = replica.Signals.Watch(new TaskKey("acme", Guid.CreateVersion7()));
        var waiting = watch.WaitAsync(watch.Next(), Long, new StandingClock(), Stop);

        replica.Life.StopApplication();

        await waiting.WaitAsync(AtOnce, Stop);
        Assert.True(watch.IsStopping);
    }

    // No timer ever fires: only the stop can end the wait.
    private sealed class StandingClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Never();

        private sealed class Never : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
