using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Offering;

/// <summary>What becomes of a task whose agent is gone.</summary>
public sealed class LostAgents(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_task_that_loses_as_many_agents_as_it_has_attempts_is_parked_for_a_person()
    {
        await journal.DeclareAsync("crashing", Spec(attempts: 2));
        var (task, _) = await journal.RunningAsync("crashing");
        await using var replica = new Replica(journal);

        await replica.Claims.EndAgentAsync(Replica.AgentOf("crashing"), ClaimEnd.AgentLost, Stop);
        Assert.Equal(TaskState.Ready, (await RowAsync(task)).State);
        await ClaimAsync(task, "agent-2");
        await replica.Claims.EndAgentAsync(Replica.AgentOf("crashing", "agent-2"), ClaimEnd.AgentLost, Stop);

        var parked = await RowAsync(task);
        Assert.Equal((TaskState.NeedsAttention, "ATTEMPTS_USED_UP"), (parked.State, parked.Reason));
        Assert.Contains("mesh task cancel", parked.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_its_runner_stopped_it_is_no_attempt_of_the_tasks()
    {
        await journal.DeclareAsync("restarted", Spec(attempts: 1));
        var (task, _) = await journal.RunningAsync("restarted");
        await using var replica = new Replica(journal);

        await replica.Claims.EndAgentAsync(Replica.AgentOf("restarted"), ClaimEnd.Released, Stop);

        var ready = await RowAsync(task);
        Assert.Equal((TaskState.Ready, 0), (ready.State, ready.Failures));
    }

    [Fact]
    public async Task A_task_that_was_handed_out_in_an_answer_that_got_lost_is_offered_again_when_the_agent_says_what_it_holds()
    {
        await journal.DeclareAsync("forgetful", Spec(attempts: 1));
        var (held, claim) = await journal.RunningAsync("forgetful");
        var (lost, _) = await journal.RunningAsync("forgetful");
        var (others, _) = await journal.RunningAsync("forgetful-too");
        await using var replica = new Replica(journal);

        await replica.Claims.EndUnheldAsync(Replica.AgentOf("forgetful"), [claim, ClaimToken.Parse("no claim")], Stop);

        var ready = await RowAsync(lost);
        Assert.Equal((TaskState.Ready, 0), (ready.State, ready.Failures));
        Assert.Equal(TaskState.Running, (await RowAsync(held)).State);
        Assert.Equal(TaskState.Running, (await RowAsync(others)).State);
    }

    [Fact]
    public async Task That_its_runner_was_replaced_is_no_attempt_of_the_tasks_and_offers_it_again_at_once()
    {
        await journal.DeclareAsync("moved", Spec(attempts: 1));
        var (task, _) = await journal.RunningAsync("moved");
        await using var replica = new Replica(journal);
        var first = new V1.AssignAgentsRequest { RunnerInstance = "r-1", RunnerAddress = "http://127.0.0.1:9", Capacity = 8 };
        await replica.Assignments.WaitAsync(first, Stop);

        await replica.Assignments.WaitAsync(new V1.AssignAgentsRequest(first) { RunnerInstance = "r-2" }, Stop);

        var ready = await RowAsync(task);
        Assert.Equal((TaskState.Ready, 0), (ready.State, ready.Failures));
    }

    private static string Spec(int attempts) =>
        $$$"""{"tools":[],"agent":{"process":{"command":["x"],"bundle":"sha256:{{{new string('0', 64)}}}"}},"limits":{"attempts":{{{attempts}}}}}""";

    private async Task ClaimAsync(TaskRow task, string instance)
    {
        var (_, claim) = ClaimToken.New(task.Key.Id);
        await journal.One.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.Ready),
                Facts = [new TaskClaimed(instance, 0)],
                Claim = new NewClaim(claim.Hash, instance, Claims.Lasts),
            },
            Stop);
    }

    private async Task<TaskRow> RowAsync(TaskRow task) => (await journal.One.ReadTaskAsync(task.Key, Stop))!;
}
