using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests;

/// <summary>One task through all six services, with nothing in its way.</summary>
public sealed class HappyPathTests(RefundMesh mesh) : IClassFixture<RefundMesh>
{
    private static readonly string[] EightNames =
        ["agent.dispatch", "audit.log", "ingress", "orchestrator", "policy.eval", "secrets.lease", "state.store", "tool.call"];

    [Fact]
    public async Task A_signed_webhook_becomes_one_refund_one_mail_and_a_completed_task()
    {
        var order = await mesh.OfferOrderAsync(1_200);

        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        Assert.Equal(1_200, task.Result.StructValue.Fields["amount_minor"].NumberValue);
        Assert.Equal("webhook:shop", task.Initiator);
        var log = await mesh.LogOfAsync(order);
        Assert.Single(log.Refunds);
        Assert.Single(log.Mails);
        Assert.Equal(3, log.Requests.Count);
        Assert.All(log.Requests, request => Assert.True(request.GetProperty("authorized").GetBoolean()));
    }

    [Fact]
    public async Task The_timeline_of_a_finished_task_has_the_eight_names_and_no_others()
    {
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync());
        await mesh.RestAsync(id);

        var timeline = await mesh.TimelineAsync(id);

        Assert.Equal(EightNames, timeline.Rows.Select(row => row.Name).Distinct().Order());
        Assert.Equal(3, timeline.Rows.Count(row => row.Name == "tool.call"));
        Assert.Equal(3, timeline.Rows.Count(row => row.Name == "secrets.lease"));
        Assert.All(timeline.Rows, row => Assert.True(row.Duration.ToTimeSpan() >= TimeSpan.Zero));
    }

    [Fact]
    public async Task The_timeline_of_a_denied_task_has_those_of_the_eight_names_that_it_reached()
    {
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync(600_000));
        Assert.Equal(TaskState.Denied, (await mesh.RestAsync(id)).State);

        var rows = (await mesh.TimelineAsync(id)).Rows;

        // The order was read. The refund was refused: neither a lease nor a call has its name.
        Assert.Subset(EightNames.ToHashSet(), rows.Select(row => row.Name).ToHashSet());
        Assert.Contains(rows, row => row is { Name: "policy.eval", Subject: "payments.refund" });
        Assert.Equal("crm.get_order", Assert.Single(rows, row => row.Name == "tool.call").Subject);
        Assert.Single(rows, row => row.Name == "secrets.lease");
    }

    [Fact]
    public async Task The_audit_log_has_each_intent_before_its_outcome_and_every_fact_of_the_journal()
    {
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync());
        await mesh.RestAsync(id);
        var facts = (await mesh.EventsAsync(id)).Select(entry => entry.Kind).Order().ToList();

        var entries = await Eventually.ValueAsync(async () =>
            await mesh.LoggedAsync(id) is { } found && found.Count(entry => facts.Contains(entry.Kind)) == facts.Count ? found : null);

        Assert.Equal(3, entries.Count(entry => entry.Kind == "intent"));
        Assert.Equal(facts, entries.Where(entry => facts.Contains(entry.Kind)).Select(entry => entry.Kind).Order());
        Assert.True(
            entries.Where(entry => entry.Kind == "intent").Zip(entries.Where(entry => entry.Kind == "CallSettled"))
                .All(pair => pair.First.Index < pair.Second.Index));
    }

    [Fact]
    public async Task A_delivery_that_arrives_twice_starts_one_task()
    {
        var order = await mesh.OfferOrderAsync();

        var first = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order, "msg_twice");
        var second = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order, "msg_twice");
        await mesh.RestAsync(first);

        Assert.Equal(first, second);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
    }
}
