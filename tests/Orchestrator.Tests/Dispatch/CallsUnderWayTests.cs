using Mesh.Errors.V1;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Policy.V1;
using Mesh.Toolrunner.V1;

namespace Mesh.Orchestrator.Tests.Dispatch;

/// <summary>Who shares a run of a call, and who does not (G2).</summary>
public sealed class CallsUnderWayTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private readonly CallsUnderWay underWay = new(Lives.New());

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_repeat_by_the_same_holder_waits_for_the_first_run()
    {
        var flow = new PlayedFlow(journal);
        var (task, claim) = await journal.RunningAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => JoinAsync(flow, task, claim)));

        Assert.All(results, result => Assert.IsType<CallResult.Ended>(result));
        Assert.Single(flow.Peers.AskedFor<RunCallRequest>());
    }

    [Fact]
    public async Task The_next_holder_does_not_wait_out_the_pause_of_the_one_before_and_keeps_its_claim()
    {
        var flow = new PlayedFlow(journal, new PlayedClock { HoldsPauses = true });
        var (task, old) = await journal.RunningAsync();
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = PlayedPeers.Refused() });
        var abandoned = JoinAsync(flow, task, old);
        await flow.Clock.SomebodyPauses.WaitAsync(Stop);

        // The target is back, and so is an agent.
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = PlayedPeers.Succeeded("1") });
        var (next, claim) = await journal.ReplaceAsync(task);
        var result = await JoinAsync(flow, next, claim);

        Assert.IsType<CallEnd.Succeeded>(Assert.IsType<CallResult.Ended>(result).End);
        Assert.Equal(Reason.ClaimLost, Assert.IsType<CallResult.Refused>(await abandoned).Error.Reason);
        Assert.Equal(2, flow.Peers.AskedFor<RunCallRequest>().Count);
    }

    [Fact]
    public async Task A_holder_that_was_replaced_does_not_disturb_the_next_one()
    {
        var flow = new PlayedFlow(journal);
        var (task, old) = await journal.RunningAsync();
        var decision = new TaskCompletionSource<object>();
        var isAsked = new TaskCompletionSource();
        flow.Peers.On<DecideRequest>(_ =>
        {
            isAsked.TrySetResult();
            return decision.Task;
        });
        var (next, claim) = await journal.ReplaceAsync(task);
        var running = JoinAsync(flow, next, claim);
        await isAsked.Task.WaitAsync(Stop);

        // Not dispatched yet: a run that was superseded now would have to begin again.
        var late = await JoinAsync(flow, task, old);
        decision.SetResult(PlayedPeers.Permitted());

        Assert.Equal(Reason.ClaimLost, Assert.IsType<CallResult.Refused>(late).Error.Reason);
        Assert.IsType<CallEnd.Succeeded>(Assert.IsType<CallResult.Ended>(await running).End);
        Assert.Single(flow.Peers.AskedFor<DecideRequest>());
    }

    [Fact]
    public async Task The_next_holder_waits_for_what_the_one_before_has_at_the_target()
    {
        var flow = new PlayedFlow(journal);
        var (task, old) = await journal.RunningAsync();
        var target = new TaskCompletionSource<object>();
        var isThere = new TaskCompletionSource();
        flow.Peers.On<RunCallRequest>(_ =>
        {
            isThere.TrySetResult();
            return target.Task;
        });
        _ = JoinAsync(flow, task, old);
        await isThere.Task.WaitAsync(Stop);

        var (next, claim) = await journal.ReplaceAsync(task);
        var waiting = JoinAsync(flow, next, claim);
        target.SetResult(new RunCallResponse { Report = PlayedPeers.Succeeded("1") });
        var result = await waiting;

        Assert.IsType<CallEnd.Succeeded>(Assert.IsType<CallResult.Ended>(result).End);
        Assert.Single(flow.Peers.AskedFor<RunCallRequest>());
    }

    [Fact]
    public async Task Other_arguments_under_a_step_that_runs_are_refused_at_once_and_do_not_get_its_result()
    {
        var flow = new PlayedFlow(journal);
        var (task, claim) = await journal.RunningAsync();
        var target = new TaskCompletionSource<object>();
        var isThere = new TaskCompletionSource();
        flow.Peers.On<RunCallRequest>(_ =>
        {
            isThere.TrySetResult();
            return target.Task;
        });
        var first = JoinAsync(flow, task, claim);
        await isThere.Task.WaitAsync(Stop);

        var other = await JoinAsync(flow, task, claim, """{"other":true}""");
        target.SetResult(new RunCallResponse { Report = PlayedPeers.Succeeded("1") });

        Assert.Equal(Reason.HandlerChanged, Assert.IsType<CallResult.Refused>(other).Error.Reason);
        Assert.IsType<CallResult.Ended>(await first);
    }

    private async Task<CallResult> JoinAsync(PlayedFlow flow, TaskRow task, ClaimToken claim, string arguments = "{}")
    {
        var call = PlayedFlow.Call(task, claim, PlayedFlow.Tool(), arguments);

        return await underWay.JoinAsync(call, task.Epoch, (_, stop) => flow.Calls.RunAsync(call, null, stop), Stop)
            .WaitAsync(TimeSpan.FromSeconds(20), Stop);
    }
}
