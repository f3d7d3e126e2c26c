using Mesh.Audit.V1;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.ServiceHost;
using Mesh.Toolrunner.V1;
using Mesh.Vault.V1;

namespace Mesh.Orchestrator.Tests;

/// <summary>The life of a call between services that fail in turn.</summary>
public sealed class ToolCallFlowTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private readonly PlayedFlow flow = new(journal);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_whose_task_ends_before_anybody_knows_how_it_went_is_unknown_then()
    {
        var call = await CallAsync(PlayedFlow.Probed());
        await flow.DispatchAsync(call);
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));

        var open = await flow.Calls.CloseAsync(call, Stop);

        Assert.Null(open);
        Assert.IsType<CallState.Unknown>(await flow.StateAsync(call));
        Assert.Empty(flow.Peers.AskedFor<RunCallRequest>());
    }

    [Fact]
    public async Task A_call_that_was_interrupted_before_its_task_ends_is_not_forgotten()
    {
        var call = await CallAsync(PlayedFlow.Repeatable());
        await flow.DispatchAsync(call, new CallInterrupted(1));

        Assert.Null(await flow.Calls.CloseAsync(call, Stop));

        Assert.IsType<CallState.Unknown>(await flow.StateAsync(call));
    }

    [Fact]
    public async Task A_ticket_that_is_not_to_be_had_is_asked_for_ever_more_rarely_however_often_the_agent_asks()
    {
        var call = await CallAsync(PlayedFlow.Tool());
        flow.Peers.On<AppendIntentRequest>(_ => throw PlayedPeers.Away());
        var refusals = new List<MeshError>();
        var before = flow.Clock.GetUtcNow();

        for (var n = 0; n < 5; n++)
        {
            refusals.Add(Assert.IsType<CallResult.Refused>(await flow.Calls.RunAsync(call, null, Stop)).Error);
        }

        Assert.All(refusals, refused => Assert.Equal(Reason.AuditUnavailable, refused.Reason));
        Assert.Equal([250, 250, 400, 800, 1_600], refusals.Select(refused => refused.RetryAfter!.Value.TotalMilliseconds));
        Assert.InRange(flow.Clock.GetUtcNow() - before, TimeSpan.FromMilliseconds(800), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Whoever_hangs_up_while_a_call_is_asked_about_leaves_it_open()
    {
        using var hangUp = new CancellationTokenSource();
        var call = await CallAsync(PlayedFlow.Tool());
        await flow.DispatchAsync(call);
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        flow.Peers.On<AskCallRequest>(async _ =>
        {
            await hangUp.CancelAsync();
            await Task.Delay(Timeout.Infinite, hangUp.Token);
            return new AskCallResponse();
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flow.Calls.CloseAsync(call, hangUp.Token));

        Assert.IsType<CallState.Dispatched>(await flow.StateAsync(call));
    }

    [Fact]
    public async Task A_vault_that_cannot_say_keeps_the_call_open()
    {
        var call = await CallAsync(PlayedFlow.Tool());
        await flow.DispatchAsync(call);
        flow.Peers.On<FenceRequest>(_ => throw PlayedPeers.Away());

        Assert.NotNull(await flow.Calls.CloseAsync(call, Stop));
        Assert.IsType<CallState.Dispatched>(await flow.StateAsync(call));
    }

    [Fact]
    public async Task A_target_that_refuses_connections_is_tried_six_times_and_the_call_was_never_sent()
    {
        var call = await CallAsync(PlayedFlow.Tool());
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = PlayedPeers.Refused() });

        var result = await flow.Calls.RunAsync(call, null, Stop);

        Assert.Equal("SERVICE_UNAVAILABLE", Assert.IsType<CallEnd.NotSent>(Assert.IsType<CallResult.Ended>(result).End).Reason);
        Assert.Equal(6, flow.Peers.AskedFor<RunCallRequest>().Count);
    }

    [Fact]
    public async Task What_a_person_has_sent_again_after_many_bad_turns_is_sent_again()
    {
        var call = await CallAsync(PlayedFlow.Repeatable());
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = PlayedPeers.Unclear() });
        Assert.IsType<CallResult.Waiting>(await flow.Calls.RunAsync(call, null, Stop));
        var unknown = Assert.IsType<CallState.Unknown>(await flow.StateAsync(call));
        await AppendAsync(call, new CallNotSent(unknown.Suspect, "person:bob: I looked."));
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = PlayedPeers.Succeeded("1") });

        var result = await flow.Calls.RunAsync(call, null, Stop);

        Assert.IsType<CallEnd.Succeeded>(Assert.IsType<CallResult.Ended>(result).End);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_that_is_too_large_to_record_is_recorded_without_its_value(bool isSuccess)
    {
        var call = await CallAsync(PlayedFlow.Tool());
        var report = PlayedPeers.Succeeded('"' + new string('x', 2 * 1024 * 1024) + '"');
        report.Outcome = isSuccess ? CallReport.Types.Outcome.Succeeded : CallReport.Types.Outcome.Failed;
        flow.Peers.On<RunCallRequest>(_ => new RunCallResponse { Report = report });

        var result = await flow.Calls.RunAsync(call, null, Stop);

        var end = Assert.IsType<CallEnd.Failed>(Assert.IsType<CallResult.Ended>(result).End);
        Assert.Equal(("TOOL_OUTPUT_TOO_LARGE", 200, 0), (end.Reason, end.HttpStatus, end.Value.Length));
        Assert.Equal(isSuccess ? [call.Tool.Name] : [], (await journal.One.ReadTaskAsync(call.Task, Stop))!.ToolsDone);
    }

    [Fact]
    public async Task A_holder_that_was_replaced_does_not_fence_what_the_next_one_dispatched()
    {
        var (task, old) = await journal.RunningAsync();
        var (next, claim) = await journal.ReplaceAsync(task);
        await flow.DispatchAsync(PlayedFlow.Call(next, claim, PlayedFlow.Tool()));

        var result = await flow.Calls.RunAsync(PlayedFlow.Call(task, old, PlayedFlow.Tool()), null, Stop);

        Assert.Equal(Errors.V1.Reason.ClaimLost, Assert.IsType<CallResult.Refused>(result).Error.Reason);
        Assert.Empty(flow.Peers.AskedFor<FenceRequest>());
    }

    [Fact]
    public async Task Policy_is_told_what_the_task_has_done_also_where_another_replica_has_seen_it()
    {
        var (task, claim) = await journal.RunningAsync();
        var call = PlayedFlow.Call(task, claim, PlayedFlow.Tool());
        var remembered = await journal.One.ReadStepAsync(call.Task, call.Step, claim, Stop);
        Assert.NotNull(remembered.RememberedAt);
        await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "check#0", 9) with { ToolDone = "orders.check" }, Stop);

        Assert.IsType<CallResult.Ended>(await flow.Calls.RunAsync(call, remembered, Stop));

        // What policy said to the first question counts for nothing: no ticket was asked for on it.
        Assert.Equal([[], ["orders.check"]], flow.Peers.AskedFor<Policy.V1.DecideRequest>().Select(asked => asked.TaskDone.ToList()));
        Assert.Single(flow.Peers.AskedFor<Audit.V1.AppendIntentRequest>());
        Assert.Single(flow.Peers.AskedFor<RunCallRequest>());
    }

    private async Task<ToolCall> CallAsync(Manifests.ToolDefinition tool)
    {
        var (task, claim) = await journal.RunningAsync();

        return PlayedFlow.Call(task, claim, tool);
    }

    private async Task AppendAsync(ToolCall call, Fact fact) => Assert.IsType<Orchestrator.Journal.JournalAnswer.Written>(await journal.One.AppendAsync(
        new Orchestrator.Journal.JournalWrite
        {
            Task = call.Task,
            Step = call.Step,
            StepFactsSeen = (await flow.FactsAsync(call)).Count,
            Fence = new Orchestrator.Journal.Fence.Settlement(),
            Facts = [fact],
        },
        Stop));
}
