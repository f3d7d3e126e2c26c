using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Crashes;

/// <summary>G2: a run that fails goes on from its last recorded step; a recorded step never runs again.</summary>
public sealed class AgentKillTests(TwoTenantMesh mesh) : IClassFixture<TwoTenantMesh>
{
    [Theory]
    [InlineData(StepMoment.ToolCalled)]
    [InlineData(StepMoment.ToolPerformed)]
    [InlineData(StepMoment.ToolAnswered)]
    [InlineData(StepMoment.MailCalled)]
    public async Task An_agent_that_is_killed_is_replaced_and_nothing_that_was_asked_for_is_asked_for_again(StepMoment moment)
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync();

        var id = await mesh.ActAtAsync(moment, order, () => KillAgentAsync(RefundMesh.Acme));
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        await AssertEveryStepHappenedOnceAsync(id, order, RefundMesh.Acme);
        var claims = (await mesh.EventsAsync(id)).Where(entry => entry.Kind == "TaskClaimed").Select(entry => entry.Epoch).ToList();
        Assert.True(claims.Count > 1);
        Assert.Equal(claims.Distinct().Order(), claims);
        Assert.Equal(claims.Count, task.Attempt);
    }

    [Fact]
    public async Task An_agent_that_is_killed_at_every_call_still_finishes_with_each_step_done_once()
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync();
        var since = (await mesh.WholeLogAsync()).Requests.Count;

        foreach (var path in (string[])["/v1/orders", "/v1/refunds", "/v1/mails"])
        {
            await mesh.Shop.TellAsync("/_slow", new { path, afterMs = 800 });
        }

        var id = await mesh.Webhooks.DeliverAsync(TwoTenantMesh.Second, order);

        foreach (var (method, path) in ((string, string)[])[("GET", "/v1/orders"), ("POST", "/v1/refunds"), ("POST", "/v1/mails")])
        {
            await mesh.ShopHoldsAsync(method, path, since);
            await KillAgentAsync(TwoTenantMesh.Second);
        }

        var task = await mesh.RestAsync(id, TwoTenantMesh.Second);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id, TwoTenantMesh.Second));
        await AssertEveryStepHappenedOnceAsync(id, order, TwoTenantMesh.Second);
        Assert.True(task.Attempt >= 4);
    }

    // The runner lets one that dies again and again wait longer each time.
    private async Task KillAgentAsync(string tenant)
    {
        var pid = await mesh.AgentPidAsync(tenant);
        DevMesh.Signal(pid, 9);
        await Eventually.Async(async () => await mesh.AgentPidAsync(tenant) != pid, TimeSpan.FromSeconds(60));
    }

    // The services lived, so that each call that was under way went on without the agent.
    private async Task AssertEveryStepHappenedOnceAsync(string id, string order, string tenant)
    {
        var log = await mesh.LogOfAsync(order);
        Assert.Equal((1, 1, 1), (log.Asked("GET", "/v1/orders"), log.Asked("POST", "/v1/refunds"), log.Asked("POST", "/v1/mails")));

        var events = await mesh.EventsAsync(id, tenant);
        int Count(string kind) => events.Count(entry => entry.Kind == kind);

        // A dispatch that the next holder's fence reached before it was redeemed never left the machine, and is made again.
        Assert.True(Count("CallDispatched") - Count("CallNotSent") == 3, await mesh.StoryAsync(id, tenant));
        Assert.Equal(3, Count("CallSettled"));
        Assert.Single(events, entry => entry.Kind == "StepRecorded");
    }
}
