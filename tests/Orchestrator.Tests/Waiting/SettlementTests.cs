using Mesh.Errors.V1;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Orchestrator.Waiting;
using Mesh.Vault.V1;
using Outcome = Mesh.Orchestrator.V1.SettleCallRequest.Types.Outcome;

namespace Mesh.Orchestrator.Tests.Waiting;

/// <summary>What a person may say about a call, and how often.</summary>
public sealed class SettlementTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private readonly PlayedFlow flow = new(journal);
    private readonly Settlements settlements = new(journal.One, new WorkOffers(Lives.New(), TimeProvider.System), new TaskSignals(Lives.New()));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Outcome.Performed)]
    [InlineData(Outcome.NotPerformed)]
    [InlineData(Outcome.Failed)]
    public async Task The_same_answer_again_is_answered_as_the_first_time(Outcome outcome)
    {
        var call = await UnknownAsync();

        Assert.Null(await SettleAsync(call, outcome));
        var facts = (await flow.FactsAsync(call)).Count;
        Assert.Null(await SettleAsync(call, outcome));

        Assert.Equal(facts, (await flow.FactsAsync(call)).Count);
    }

    [Fact]
    public async Task The_same_answer_again_is_answered_as_the_first_time_when_the_call_went_on_meanwhile()
    {
        var call = await UnknownAsync();
        Assert.Null(await SettleAsync(call, Outcome.NotPerformed));
        Assert.IsType<CallResult.Ended>(await flow.Calls.RunAsync(call, null, Stop));

        Assert.Null(await SettleAsync(call, Outcome.NotPerformed));
    }

    [Fact]
    public async Task Another_answer_than_the_first_one_is_refused()
    {
        var call = await UnknownAsync();
        Assert.Null(await SettleAsync(call, Outcome.Performed));

        Assert.Equal(Reason.CallNotUnknown, (await SettleAsync(call, Outcome.NotPerformed))!.Reason);
        Assert.Equal(Reason.CallNotUnknown, (await SettleAsync(call, Outcome.Performed, by: "person:eve"))!.Reason);
    }

    [Fact]
    public async Task A_call_that_went_well_waits_for_nobody()
    {
        var (task, claim) = await journal.RunningAsync();
        var call = PlayedFlow.Call(task, claim, PlayedFlow.Tool());
        await flow.Calls.RunAsync(call, null, Stop);

        Assert.Equal(Reason.CallNotUnknown, (await SettleAsync(call, Outcome.Performed))!.Reason);
    }

    [Fact]
    public async Task An_unknown_call_of_a_task_that_has_ended_is_settled_like_any_other()
    {
        var call = await UnknownAsync();
        await journal.One.AppendAsync(
            new JournalWrite
            {
                Task = call.Task,
                Fence = new Fence.Claim(call.ClaimHash),
                Facts = [new TaskFinished(TaskOutcome.Cancelled, default, "CANCELLED", "enough", "")],
            },
            Stop);

        Assert.Null(await SettleAsync(call, Outcome.Performed));

        Assert.IsType<CallState.Settled>(await flow.StateAsync(call));
        Assert.Equal(TaskState.Cancelled, (await journal.One.ReadTaskAsync(call.Task, Stop))!.State);
    }

    private async Task<ToolCall> UnknownAsync()
    {
        var (task, claim) = await journal.RunningAsync();
        var call = PlayedFlow.Call(task, claim, PlayedFlow.Tool());
        await flow.DispatchAsync(call);
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        Assert.IsType<CallResult.Waiting>(await flow.Calls.RunAsync(call, null, Stop));

        return call;
    }

    private async Task<Mesh.ServiceHost.MeshError?> SettleAsync(ToolCall call, Outcome outcome, string by = "person:bob") =>
        await settlements.SettleAsync(
            (await journal.One.ReadTaskAsync(call.Task, Stop))!, call.Step, outcome, "{}"u8.ToArray(), by, "I looked.", Stop);
}
