using Mesh.Errors.V1;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;

namespace Mesh.Orchestrator.Tests;

/// <summary>Who may end the work on a task, and what has to be known before.</summary>
public sealed class FinishFlowTests : IClassFixture<JournalFixture>
{
    private static readonly AgentIdentity Agent = new(new WorkflowKey("acme", "refund-request", "sha256:00"), "agent-1");

    private readonly JournalFixture journal;
    private readonly FinishFlow finish;
    private readonly TaskSignals signals = new(Lives.New());

    public FinishFlowTests(JournalFixture journal)
    {
        this.journal = journal;
        var catalog = new Catalog(journal.Store, TimeProvider.System);
        finish = new FinishFlow(
            journal.One,
            catalog,
            new OpenCalls(journal.One, catalog, new PlayedFlow(journal).Calls),
            new WorkOffers(Lives.New(), TimeProvider.System),
            signals,
            TimeProvider.System);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_claim_that_was_made_up_learns_nothing_about_the_task_and_changes_nothing()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "secret-step#0", 0), Stop);
        var (_, madeUp) = ClaimToken.New(task.Key.Id);

        var refused = await finish.RunAsync(Agent, madeUp, SkippedAll(), Stop);

        Assert.Equal(Reason.ClaimLost, refused!.Reason);
        Assert.DoesNotContain("secret-step", refused.Message, StringComparison.Ordinal);
        Assert.Equal(TaskState.Running, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
    }

    [Fact]
    public async Task Another_workflows_agent_does_not_end_a_task_even_with_its_claim()
    {
        var (task, claim) = await journal.RunningAsync();

        var refused = await finish.RunAsync(Agent with { Workflow = Agent.Workflow with { Workflow = "other" } }, claim, SkippedAll(), Stop);

        Assert.Equal(Reason.ClaimLost, refused!.Reason);
        Assert.Equal(TaskState.Running, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
    }

    [Fact]
    public async Task A_task_waits_for_nothing_that_no_call_of_it_waits_for()
    {
        var (task, claim) = await journal.RunningAsync();
        var (other, othersClaim) = await journal.RunningAsync();
        await HoldAsync(other, othersClaim, "its-own");

        foreach (var on in (Wait[])[new Wait.Approval("made-up"), new Wait.Approval("its-own"), new Wait.Settlement("tool#0")])
        {
            var refused = await finish.RunAsync(Agent, claim, new WorkEnd.Waiting(on), Stop);
            Assert.Equal("waits_on", Assert.Single(refused!.Fields).Field);
        }

        Assert.Equal(TaskState.Running, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
        Assert.Null(await finish.RunAsync(Agent, othersClaim, new WorkEnd.Waiting(new Wait.Approval("its-own")), Stop));
        Assert.Equal(TaskState.WaitingApproval, (await journal.One.ReadTaskAsync(other.Key, Stop))!.State);
    }

    [Fact]
    public async Task A_handler_that_skipped_a_recorded_step_stops_the_task()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.One.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), Stop);

        var refused = await finish.RunAsync(Agent, claim, SkippedAll(), Stop);

        Assert.Equal(Reason.HandlerChanged, refused!.Reason);
        Assert.Equal(TaskState.NeedsAttention, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
    }

    [Theory]
    [InlineData("POLICY_DENIED", (short)TaskState.Denied)]
    [InlineData("LIMIT_EXCEEDED", (short)TaskState.Denied)]
    [InlineData("APPROVAL_EXPIRED", (short)TaskState.Denied)]
    [InlineData("APPROVAL_DENIED_BY_MY_AGENT", (short)TaskState.Failed)]
    [InlineData("HANDLER_CHANGED", (short)TaskState.NeedsAttention)]
    [InlineData("", (short)TaskState.Failed)]
    public async Task The_reason_of_a_failure_says_how_the_task_ends(string reason, short state)
    {
        var (task, claim) = await journal.RunningAsync();

        Assert.Null(await finish.RunAsync(Agent, claim, new WorkEnd.Failed(reason, "so", Retry: false), Stop));

        Assert.Equal((TaskState)state, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
    }

    [Fact]
    public async Task A_repeat_of_the_end_is_answered_as_the_first_time()
    {
        var (task, claim) = await journal.RunningAsync();
        var end = new WorkEnd.Completed("1"u8.ToArray(), new Dictionary<string, int>());

        Assert.Null(await finish.RunAsync(Agent, claim, end, Stop));
        Assert.Null(await finish.RunAsync(Agent, claim, end, Stop));

        Assert.Equal(3, (await journal.One.ReadTaskAsync(task.Key, Stop))!.Seq);
    }

    // Told with the signal, and not read again: what the caller gets is nevertheless what everybody reads later.
    [Fact]
    public async Task Who_waits_for_a_task_is_told_its_end_as_the_journal_has_it()
    {
        var (task, claim) = await journal.RunningAsync();
        using var watch = signals.Watch(task.Key);
        var signal = watch.Next();
        var (_, ends) = await journal.One.ReadWithPayloadsAsync(task.Key, Stop);

        Assert.Null(await finish.RunAsync(Agent, claim, Done, Stop));
        var end = await watch.WaitAsync(signal, TimeSpan.FromSeconds(30), TimeProvider.System, Stop);

        var (now, all) = await journal.Two.ReadWithPayloadsAsync(task.Key, Stop);
        Assert.Equal(TaskReader.WithPayloads(now!, all), TaskReader.WithPayloads(end!.Row, ends, end.Fact));
    }

    [Fact]
    public async Task A_wish_to_cancel_that_came_to_another_replica_is_what_the_task_ends_with()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Settlement(), Facts = [], RequestsCancel = new CancelRequest("CANCELLED", "by ann") }, Stop);

        Assert.Null(await finish.RunAsync(Agent, claim, Done, Stop));

        Assert.Equal(TaskState.Cancelled, (await journal.Two.ReadTaskAsync(task.Key, Stop))!.State);
    }

    [Fact]
    public async Task An_end_that_another_replica_has_recorded_is_an_end_when_it_is_told_again()
    {
        var (task, claim) = await journal.RunningAsync();
        await journal.Two.AppendAsync(
            new JournalWrite { Task = task.Key, Fence = new Fence.Claim(claim.Hash), Facts = [new TaskFinished(TaskOutcome.Completed, "1"u8.ToArray(), "", "", "")] },
            Stop);

        Assert.Null(await finish.RunAsync(Agent, claim, Done, Stop));
    }

    private async Task HoldAsync(TaskRow task, ClaimToken claim, string approval)
    {
        var call = PlayedFlow.Call(task, claim, PlayedFlow.Tool());
        var decision = new Decision.NeedsApproval(new Explanation("sha256:00", [], "r", Degraded: false), approval, "ask");
        Assert.IsType<JournalAnswer.Written>(await journal.One.AppendAsync(
            new JournalWrite { Task = task.Key, Step = call.Step, Fence = new Fence.Settlement(), Facts = [call.AsFact(), new CallDecided(decision)] }, Stop));
    }

    private static WorkEnd.Completed Done => new("1"u8.ToArray(), new Dictionary<string, int>());

    private static WorkEnd.Completed SkippedAll() => new("1"u8.ToArray(), new Dictionary<string, int> { [""] = 0 });
}
