using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests.Crashes;

/// <summary>
/// G4: a write whose manifest does not allow repetition is sent at most once, whoever dies between the sending and the
/// record of it. When nobody can know, the answer is "unknown", and a probe or a person decides.
/// </summary>
public sealed class UnrepeatableWriteTests(UnrepeatableMesh mesh) : IClassFixture<UnrepeatableMesh>
{
    private const int AtOnce = 7;

    private static readonly string[] Both = ["toolrunner", "orchestrator"];

    [Fact]
    public async Task A_runner_that_dies_after_the_shop_refunded_leaves_an_unknown_outcome_that_a_person_settles_as_performed()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_slow", new { path = "/v1/refunds", afterMs = 3_000, times = AtOnce }, "toolrunner");

        await AssertUnknownAsync(tasks);
        Assert.All(await RefundsAsync(tasks), refunds => Assert.Equal(1, refunds));
        await SettleAsync(tasks, SettleCallRequest.Types.Outcome.Performed);

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Once);
    }

    [Fact]
    public async Task Runner_and_orchestrator_that_die_before_the_shop_refunded_leave_an_unknown_outcome_that_a_person_settles_as_not_performed()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_hang", new { path = "/v1/refunds", when = "before", times = AtOnce }, Both);

        await AssertUnknownAsync(tasks);
        Assert.All(await RefundsAsync(tasks), refunds => Assert.Equal(0, refunds));
        await SettleAsync(tasks, SettleCallRequest.Types.Outcome.NotPerformed);

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Once);
    }

    [Fact]
    public async Task An_orchestrator_that_dies_asks_the_runner_afterwards_and_nobody_has_to_look()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_slow", new { path = "/v1/refunds", afterMs = 1_500, times = AtOnce }, "orchestrator");

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Once);
    }

    [Fact]
    public async Task A_call_that_a_person_settles_as_failed_is_not_sent_again_and_fails_the_task()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_slow", new { path = "/v1/refunds", afterMs = 3_000 }, ["toolrunner"], count: 1);

        await AssertUnknownAsync(tasks);
        await SettleAsync(tasks, SettleCallRequest.Types.Outcome.Failed);

        var (order, id) = Assert.Single(tasks);
        Assert.Equal(TaskState.Failed, (await mesh.RestAsync(id, UnrepeatableMesh.Once)).State);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
    }

    [Fact]
    public async Task A_probe_that_finds_the_refund_settles_the_call_and_nothing_is_sent_again()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Probed, "/_slow", new { path = "/v1/refunds", afterMs = 3_000, times = AtOnce }, Both);

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Probed);
        await AssertSentOnceAsync(tasks);
        Assert.All(
            await Task.WhenAll(tasks.Select(task => mesh.EventsAsync(task.Id, UnrepeatableMesh.Probed))),
            events => Assert.Contains(events, entry => entry.Kind == "CallDispatched" && entry.Fields.Fields["purpose"].StringValue == "Probe"));
    }

    [Fact]
    public async Task A_probe_that_finds_nothing_has_the_refund_sent_again()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Probed, "/_hang", new { path = "/v1/refunds", when = "before", times = AtOnce }, Both);

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Probed);
    }

    [Fact]
    public async Task A_probe_waits_until_a_slow_shop_must_have_made_up_its_mind()
    {
        // It refunds three seconds after it was asked, whether or not the caller lives; the tool's timeout is four.
        var tasks = await InterruptAsync(UnrepeatableMesh.Probed, "/_slow", new { path = "/v1/refunds", beforeMs = 3_000, times = AtOnce }, "toolrunner");

        await AssertCompletedAsync(tasks, UnrepeatableMesh.Probed);
        await AssertSentOnceAsync(tasks);
    }

    [Fact]
    public async Task A_refund_under_way_when_its_task_is_cancelled_is_recorded_although_the_orchestrator_dies()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_slow", new { path = "/v1/refunds", afterMs = 9_000 }, [], count: 1);
        var (order, id) = Assert.Single(tasks);

        // The agent hears of it within five seconds, and gives up at once. The shop is still at it.
        await CancelAsync(UnrepeatableMesh.Once, id);
        var wait = new WaitTaskRequest
        {
            Tenant = UnrepeatableMesh.Once,
            TaskId = id,
            Timeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(6)),
        };
        var answered = await MeshApi.InsistAsync(deadline => mesh.Api.Tasks.WaitTaskAsync(wait, deadline: deadline));
        await mesh.KillAndSeeReplacedAsync("orchestrator");
        var task = await mesh.RestAsync(id, UnrepeatableMesh.Once);

        Assert.False(answered.Done);
        Assert.Equal(TaskState.Cancelled, task.State);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
        var settled = Assert.Single(await mesh.EventsAsync(id, UnrepeatableMesh.Once), entry => entry.Kind == "CallSettled" && entry.Step == "payments.refund#0");
        Assert.Equal("Succeeded", settled.Fields.Fields["outcome"].StringValue);
        await mesh.AssertVerifiesAsync(UnrepeatableMesh.Once);
    }

    [Fact]
    public async Task A_refund_that_nobody_knows_about_when_its_task_is_cancelled_is_unknown_and_a_person_may_settle_it()
    {
        var tasks = await InterruptAsync(UnrepeatableMesh.Probed, "/_slow", new { path = "/v1/refunds", afterMs = 3_000 }, [], count: 1);
        var (_, id) = Assert.Single(tasks);

        await CancelAsync(UnrepeatableMesh.Probed, id);
        await mesh.KillAndSeeReplacedAsync("toolrunner");
        var task = await mesh.RestAsync(id, UnrepeatableMesh.Probed);

        Assert.Equal(TaskState.Cancelled, task.State);
        await SettleAsync(tasks, SettleCallRequest.Types.Outcome.Performed, UnrepeatableMesh.Probed);
        var settled = (await mesh.EventsAsync(id, UnrepeatableMesh.Probed)).Where(entry => entry.Kind == "CallSettled" && entry.Step == "payments.refund#0");
        Assert.Equal(["Unknown", "Succeeded"], settled.Select(entry => entry.Fields.Fields["outcome"].StringValue));
        await mesh.AssertVerifiesAsync(UnrepeatableMesh.Probed);
    }

    [Theory]
    [Trait("Category", "Nightly")]
    [InlineData("toolrunner")]
    [InlineData("toolrunner", "orchestrator")]
    public async Task A_hundred_interrupted_refunds_are_a_hundred_refunds(params string[] victims)
    {
        for (var done = 0; done < 100; done += AtOnce)
        {
            var tasks = await InterruptAsync(UnrepeatableMesh.Once, "/_slow", new { path = "/v1/refunds", afterMs = 3_000, times = AtOnce }, victims);

            await AssertUnknownAsync(tasks);
            await SettleAsync(tasks, SettleCallRequest.Types.Outcome.Performed);
            await AssertCompletedAsync(tasks, UnrepeatableMesh.Once);
        }
    }

    // Brings several refunds to the shop at once, and kills while it has them all.
    private Task<IReadOnlyList<(string Order, string Id)>> InterruptAsync(string tenant, string path, object disturbance, params string[] victims) =>
        InterruptAsync(tenant, path, disturbance, victims, AtOnce);

    private async Task<IReadOnlyList<(string Order, string Id)>> InterruptAsync(
        string tenant, string path, object disturbance, IReadOnlyList<string> victims, int count)
    {
        await mesh.AllReadyAsync();
        var since = (await mesh.WholeLogAsync()).Requests.Count;
        await mesh.Shop.TellAsync(path, disturbance);

        var tasks = await Task.WhenAll(Enumerable.Range(0, count).Select(async _ =>
        {
            var order = await mesh.OfferOrderAsync();
            return (order, await mesh.Webhooks.DeliverAsync(tenant, order));
        }));

        try
        {
            await mesh.ShopHoldsAsync("POST", "/v1/refunds", since, count);
        }
        catch (TimeoutException late)
        {
            var stories = await Task.WhenAll(tasks.Select(task => mesh.StoryAsync(task.Item2, tenant)));

            throw new TimeoutException($"{late.Message}\n{string.Join("\n", stories)}", late);
        }

        await Task.WhenAll(victims.Select(mesh.KillAndSeeReplacedAsync));

        return tasks;
    }

    private async Task AssertUnknownAsync(IReadOnlyList<(string Order, string Id)> tasks)
    {
        foreach (var (_, id) in tasks)
        {
            var task = await mesh.RestAsync(id, UnrepeatableMesh.Once);
            Assert.True(task.State == TaskState.UnknownOutcome, await mesh.StoryAsync(id, UnrepeatableMesh.Once));
            Assert.Contains("mesh task settle", task.Message, StringComparison.Ordinal);
        }
    }

    private async Task CancelAsync(string tenant, string id)
    {
        var request = new CancelTaskRequest { Tenant = tenant, TaskId = id, Reason = "Not wanted any more." };
        await MeshApi.InsistAsync(deadline => mesh.Api.Tasks.CancelTaskAsync(request, deadline: deadline));
    }

    private async Task SettleAsync(
        IReadOnlyList<(string Order, string Id)> tasks, SettleCallRequest.Types.Outcome outcome, string tenant = UnrepeatableMesh.Once)
    {
        foreach (var (order, id) in tasks)
        {
            var request = new SettleCallRequest
            {
                Tenant = tenant,
                TaskId = id,
                Step = "payments.refund#0",
                Outcome = outcome,
                Result = Google.Protobuf.WellKnownTypes.Value.ForStruct(new() { Fields = { ["id"] = Google.Protobuf.WellKnownTypes.Value.ForString($"looked-up-{order}") } }),
                Reason = "The shop's book was looked at.",
            };
            await MeshApi.InsistAsync(deadline => mesh.Api.Tasks.SettleCallAsync(request, deadline: deadline));
        }
    }

    private async Task AssertCompletedAsync(IReadOnlyList<(string Order, string Id)> tasks, string tenant)
    {
        foreach (var (_, id) in tasks)
        {
            Assert.True((await mesh.RestAsync(id, tenant)).State == TaskState.Completed, await mesh.StoryAsync(id, tenant));
        }

        Assert.All(await RefundsAsync(tasks), refunds => Assert.Equal(1, refunds));
        Assert.All(await Task.WhenAll(tasks.Select(task => mesh.LogOfAsync(task.Order))), log => Assert.Single(log.Mails));
        await mesh.AssertVerifiesAsync(tenant);
    }

    private async Task<IReadOnlyList<int>> RefundsAsync(IReadOnlyList<(string Order, string Id)> tasks) =>
        [.. (await Task.WhenAll(tasks.Select(task => mesh.LogOfAsync(task.Order)))).Select(log => log.Refunds.Count)];

    // By the key that the shop was given: a second sending would be answered from the first, and be seen here.
    private async Task AssertSentOnceAsync(IReadOnlyList<(string Order, string Id)> tasks) => Assert.All(
        await Task.WhenAll(tasks.Select(task => mesh.LogOfAsync(task.Order))), log => Assert.Equal(1, log.Asked("POST", "/v1/refunds")));
}
