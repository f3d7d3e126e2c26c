using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Tests.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Orchestrator.Tests.Offering;

/// <summary>What an agent's poll brings.</summary>
public sealed class WaitingPolls(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_poll_is_over_with_its_first_task_and_brings_those_that_were_being_claimed_for_it_along()
    {
        await using var replica = new Replica(journal);
        var agent = Replica.AgentOf("several");
        var poll = replica.Offers.Wait(agent, room: 3);
        var answer = poll.ItemsAsync(Long, TimeProvider.System, Stop);

        var (one, other) = (replica.Offers.TryReserve(agent.Workflow)!, replica.Offers.TryReserve(agent.Workflow)!);
        one.Deliver(Item("1"));
        Assert.False(answer.IsCompleted);
        Assert.Null(replica.Offers.TryReserve(agent.Workflow));
        other.Deliver(Item("2"));

        Assert.Equal(["1", "2"], (await answer).Select(item => item.TaskId));
    }

    [Fact]
    public async Task A_poll_whose_other_task_was_not_claimed_after_all_brings_the_one_that_was()
    {
        await using var replica = new Replica(journal);
        var agent = Replica.AgentOf("one-lost");
        var answer = replica.Offers.Wait(agent, room: 2).ItemsAsync(Long, TimeProvider.System, Stop);

        replica.Offers.TryReserve(agent.Workflow)!.Deliver(Item("1"));
        Assert.Equal(["1"], (await answer).Select(item => item.TaskId));

        var second = replica.Offers.Wait(agent, room: 2).ItemsAsync(Long, TimeProvider.System, Stop);
        var (kept, lost) = (replica.Offers.TryReserve(agent.Workflow)!, replica.Offers.TryReserve(agent.Workflow)!);
        kept.Deliver(Item("2"));
        replica.Offers.GiveBack(lost);

        Assert.Equal(["2"], (await second).Select(item => item.TaskId));
        Assert.False(replica.Offers.IsWaitedFor(agent.Workflow));
    }

    [Fact]
    public async Task A_poll_gets_no_more_tasks_than_it_has_room_for_and_polls_take_turns()
    {
        await using var replica = new Replica(journal);
        var (first, second) = (Replica.AgentOf("turns"), Replica.AgentOf("turns", "agent-2"));
        replica.Offers.Wait(first, room: 1);
        replica.Offers.Wait(second, room: 2);
        Assert.Equal(3, replica.Offers.RoomFor(first.Workflow));

        var turns = Enumerable.Range(0, 4).Select(_ => replica.Offers.TryReserve(first.Workflow)?.Agent.Instance);

        Assert.Equal(["agent-1", "agent-2", "agent-2", null], turns);
    }

    [Fact]
    public async Task A_poll_whose_time_is_up_waits_for_the_task_that_is_being_claimed_for_it()
    {
        await using var replica = new Replica(journal);
        var agent = Replica.AgentOf("late");
        var poll = replica.Offers.Wait(agent, room: 2);
        var reserved = replica.Offers.TryReserve(agent.Workflow)!;

        var answer = poll.ItemsAsync(TimeSpan.Zero, TimeProvider.System, Stop);
        Assert.Null(replica.Offers.TryReserve(agent.Workflow));
        Assert.False(answer.IsCompleted);
        reserved.Deliver(Item("1"));

        Assert.Equal(["1"], (await answer).Select(item => item.TaskId));
    }

    [Fact]
    public async Task A_poll_looks_for_ready_tasks_only_where_some_may_be()
    {
        await using var replica = new Replica(journal);
        var agent = Replica.AgentOf("looks");
        var looks = 0;
        replica.Offers.Stirred += _ => looks++;

        replica.Offers.Wait(agent, room: 1);
        replica.Offers.BeginLook(agent.Workflow);
        Assert.Equal(1, looks);

        // Nothing has become ready since that look.
        replica.Offers.Wait(agent, room: 1);
        Assert.Equal(1, looks);

        replica.Offers.Remain(agent.Workflow);
        replica.Offers.Wait(agent, room: 1);
        Assert.Equal(2, looks);

        replica.Offers.BeginLook(agent.Workflow);
        replica.Offers.Stir(agent.Workflow);
        replica.Offers.Wait(agent, room: 1);
        Assert.Equal(4, looks);
    }

    [Fact]
    public async Task A_poll_that_was_answered_leaves_nothing_behind()
    {
        await using var replica = new Replica(journal);
        var poll = replica.Offers.Wait(Replica.AgentOf("over"), room: 1);
        Assert.NotNull(poll.Place);

        poll.End();
        replica.Offers.Leave(poll);

        Assert.Null(poll.Place);
        Assert.Equal(0, replica.Offers.Waiting);
    }

    [Fact]
    public async Task A_backlog_is_handed_out_to_all_who_wait_however_little_room_each_has()
    {
        await using var replica = new Replica(journal);
        using var pump = new WorkPump(
            replica.Offers, journal.One, null!, new WorkItems(journal.One), replica.Assignments, NullLogger<WorkPump>.Instance);
        await pump.StartAsync(Stop);
        var agent = Replica.AgentOf("backlog");
        var keys = Enumerable.Range(0, 40).Select(_ => new TaskKey("acme", Guid.CreateVersion7())).ToList();

        foreach (var key in keys)
        {
            var submission = JournalFixture.Submission(key);
            await journal.One.AppendAsync(submission with { Creates = submission.Creates! with { Workflow = "backlog" } }, Stop);
        }

        var polls = Enumerable.Range(0, 40).Select(_ => replica.Offers.Wait(agent, room: 1).ItemsAsync(Long, TimeProvider.System, Stop)).ToList();
        var items = await Task.WhenAll(polls).WaitAsync(TimeSpan.FromSeconds(60), Stop);
        await pump.StopAsync(Stop);

        Assert.Equal(keys.Select(key => key.Id.ToString("D")).Order(), items.SelectMany(brought => brought).Select(item => item.TaskId).Order());
    }

    private static V1.WorkItem Item(string task) => new() { TaskId = task };
}
