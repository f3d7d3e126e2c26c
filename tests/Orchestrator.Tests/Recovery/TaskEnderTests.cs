using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Vault.V1;

namespace Mesh.Orchestrator.Tests.Recovery;

/// <summary>How a task ends that is not to go on.</summary>
public sealed class TaskEnderTests : IClassFixture<JournalFixture>
{
    private readonly JournalFixture journal;
    private readonly PlayedFlow flow;
    private readonly TaskEnder ender;

    public TaskEnderTests(JournalFixture journal)
    {
        this.journal = journal;
        flow = new PlayedFlow(journal);
        ender = new TaskEnder(
            journal.One, new OpenCalls(journal.One, new Catalog(journal.Store, TimeProvider.System), flow.Calls), new TaskSignals(Lives.New()));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cancel_that_meets_a_task_as_it_is_handed_out_reaches_its_agent()
    {
        var (task, _) = await journal.RunningAsync();
        var asItWas = task with { State = TaskState.Ready, Epoch = 0 };

        var answer = await CancelAsync(asItWas);

        Assert.IsType<JournalAnswer.Written>(answer);
        Assert.Equal((TaskState.Running, true), await StandsAsync(task));
    }

    [Fact]
    public async Task A_cancel_that_meets_the_end_of_a_task_changes_nothing()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Claim(claim.Hash),
                Facts = [new TaskFinished(TaskOutcome.Completed, "1"u8.ToArray(), "", "", "")],
            },
            Stop);

        Assert.Equal(TaskState.Completed, Assert.IsType<JournalAnswer.TaskMoved>(await CancelAsync(task)).Task!.State);
    }

    [Fact]
    public async Task A_cancel_that_cannot_ask_what_is_under_way_is_remembered_and_the_task_ends_later()
    {
        var tool = PlayedFlow.Tool();
        await PlayedFlow.DeclareAsync(journal, tool);
        var (running, claim) = await journal.RunningAsync();
        var call = PlayedFlow.Call(running, claim, tool);
        await flow.DispatchAsync(call);
        var task = await ReleaseAsync(running, claim);
        flow.Peers.On<FenceRequest>(_ => throw PlayedPeers.Away());

        Assert.IsType<JournalAnswer.Written>(await CancelAsync(task));
        Assert.Equal((TaskState.Ready, true), await StandsAsync(task));
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        await ender.EndAsync((await journal.One.ReadTaskAsync(task.Key, Stop))!, "", "", "mesh", Stop);

        Assert.Equal((TaskState.Cancelled, true), await StandsAsync(task));
        Assert.IsType<CallState.Unknown>(await flow.StateAsync(call));
    }

    [Fact]
    public async Task A_cancel_is_durable_before_anybody_is_asked_how_a_call_went_and_whoever_gives_up_waiting_has_asked_for_it()
    {
        var tool = PlayedFlow.Tool();
        await PlayedFlow.DeclareAsync(journal, tool);
        var (running, claim) = await journal.RunningAsync();
        await flow.DispatchAsync(PlayedFlow.Call(running, claim, tool));
        var task = await ReleaseAsync(running, claim);
        using var patience = new CancellationTokenSource();
        var wasRequested = false;
        flow.Peers.On<FenceRequest>(async _ =>
        {
            wasRequested = (await StandsAsync(task)).IsCancelRequested;
            await patience.CancelAsync();
            await Task.Delay(Timeout.Infinite, patience.Token);
            return new FenceResponse();
        });

        await ender.RequestAsync(task, "CANCELLED", "enough", "person:ann", patience.Token);

        Assert.True(wasRequested);
        Assert.Equal((TaskState.Ready, true), await StandsAsync(task));
    }

    private Task<JournalAnswer> CancelAsync(TaskRow task) => ender.RequestAsync(task, "CANCELLED", "enough", "person:ann", Stop);

    private async Task<(TaskState State, bool IsCancelRequested)> StandsAsync(TaskRow task)
    {
        var row = (await journal.One.ReadTaskAsync(task.Key, Stop))!;

        return (row.State, row.CancelRequested);
    }

    private async Task<TaskRow> ReleaseAsync(TaskRow task, ClaimToken claim) => Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(
        new JournalWrite { Task = task.Key, Fence = new Fence.Claim(claim.Hash), Facts = [new TaskClaimEnded(ClaimEnd.Released)] }, Stop)).Task;
}
