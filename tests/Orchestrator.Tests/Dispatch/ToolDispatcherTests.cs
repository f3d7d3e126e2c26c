using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Toolrunner.V1;
using Mesh.Vault.V1;

namespace Mesh.Orchestrator.Tests.Dispatch;

/// <summary>What is concluded about a dispatch without an outcome. Only "I do not know" is unknown.</summary>
public sealed class ToolDispatcherTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private readonly PlayedFlow flow = new(journal);

    [Fact]
    public async Task A_runner_that_is_away_for_a_moment_is_asked_again()
    {
        var asked = 0;
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        flow.Peers.On<AskCallRequest>(_ => ++asked < 3
            ? throw PlayedPeers.Away()
            : new AskCallResponse { Known = true, Report = PlayedPeers.Succeeded("1") });

        var outcome = await RecoverAsync();

        var answered = Assert.IsType<DispatchOutcome.Answered>(outcome);
        Assert.IsType<CallEnd.Succeeded>(answered.End);

        // The vault's word, not the runner's.
        var then = PlayedPeers.RedeemedOn.ToDateTimeOffset();
        Assert.Equal(new Custody("l", then, then, "runner-1", "log", 7), answered.Custody);
    }

    [Fact]
    public async Task A_runner_that_stays_away_past_the_tools_timeout_leaves_the_outcome_unclear()
    {
        var before = flow.Clock.GetUtcNow();
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        flow.Peers.On<AskCallRequest>(_ => throw PlayedPeers.Away());

        var outcome = await RecoverAsync();

        Assert.IsType<DispatchOutcome.Unclear>(outcome);
        Assert.InRange(flow.Clock.GetUtcNow() - before, PlayedFlow.Tool().Manifest.Timeout, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Another_runner_at_the_address_leaves_the_outcome_unclear_at_once()
    {
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        flow.Peers.On<AskCallRequest>(_ => new AskCallResponse { Known = false });

        Assert.IsType<DispatchOutcome.Unclear>(await RecoverAsync());
        Assert.Single(flow.Peers.AskedFor<AskCallRequest>());
    }

    [Fact]
    public async Task An_address_that_is_none_leaves_the_outcome_unclear()
    {
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("://"));

        Assert.IsType<DispatchOutcome.Unclear>(await RecoverAsync());
    }

    [Fact]
    public async Task Two_redemptions_of_one_dispatch_are_believed_neither()
    {
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1", "runner:2"));
        flow.Peers.On<AskCallRequest>(_ => new AskCallResponse { Known = true, Report = PlayedPeers.Succeeded("1") });

        Assert.IsType<DispatchOutcome.Unclear>(await RecoverAsync());
        Assert.Empty(flow.Peers.AskedFor<AskCallRequest>());
    }

    [Fact]
    public async Task Whoever_hangs_up_learns_nothing()
    {
        using var hangUp = new CancellationTokenSource();
        flow.Peers.On<FenceRequest>(_ => PlayedPeers.RedeemedAt("runner:1"));
        flow.Peers.On<AskCallRequest>(async _ =>
        {
            await hangUp.CancelAsync();
            await Task.Delay(Timeout.Infinite, hangUp.Token);
            throw PlayedPeers.Away();
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RecoverAsync(hangUp.Token));
    }

    [Fact]
    public void A_channel_to_a_runner_is_shared_and_closed_by_the_last_who_asks_there()
    {
        var opened = new List<PlayedChannel>();
        var addresses = new RunnerAddresses(_ =>
        {
            opened.Add(new PlayedChannel(flow.Peers));
            return opened[^1];
        });

        var first = addresses.Open("runner:1")!;
        var second = addresses.Open("runner:1")!;
        first.Dispose();
        first.Dispose();

        var channel = Assert.Single(opened);
        Assert.False(channel.IsClosed);
        second.Dispose();
        Assert.True(channel.IsClosed);
    }

    private async Task<DispatchOutcome> RecoverAsync(CancellationToken? hangUp = null)
    {
        var (task, claim) = await journal.RunningAsync();

        return await flow.Tools.RecoverAsync(PlayedFlow.Call(task, claim, PlayedFlow.Tool()), 1, flow.Clock.GetUtcNow(), hangUp ?? TestContext.Current.CancellationToken);
    }
}
