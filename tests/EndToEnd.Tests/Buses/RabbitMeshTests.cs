using EndToEnd.Tests.Commands;
using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.Policy.V1;
using Mesh.TestKit;
using RabbitMQ.Client;

namespace EndToEnd.Tests.Buses;

/// <summary>The same mesh on the other bus, and what happens to it when that bus goes.</summary>
public sealed class RabbitMeshTests(RabbitMesh mesh) : IClassFixture<RabbitMesh>
{
    private static readonly string[] Victims = ["rabbitmq", "orchestrator", "audit"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static IEnumerable<TheoryDataRow<string, StepMoment>> Everywhere =>
        from moment in (StepMoment[])[StepMoment.Accepted, StepMoment.ToolPerformed]
        from victim in Victims
        select new TheoryDataRow<string, StepMoment>(victim, moment);

    [Fact]
    public async Task A_large_refund_waits_for_a_person_and_goes_on_when_the_bus_says_that_it_was_approved()
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync(6_000);
        using var fiona = await mesh.PersonAsync("fiona", RefundMesh.Acme, ["approver"], "finance");

        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        Assert.Equal(TaskState.WaitingApproval, (await mesh.RestAsync(id)).State);
        var approval = Assert.Single((await fiona.Approvals.ListApprovalsAsync(new ListApprovalsRequest { Tenant = RefundMesh.Acme }, cancellationToken: TestContext.Current.CancellationToken)).Approvals);
        await fiona.Approvals.ApproveApprovalAsync(new ApproveApprovalRequest { Tenant = RefundMesh.Acme, ApprovalId = approval.Id, RequestId = "yes" }, cancellationToken: Stop);

        await Eventually.Async(async () => (await mesh.RestAsync(id)).State == TaskState.Completed, TimeSpan.FromSeconds(60));
        await mesh.AssertDoneOnceAsync(id, order);
        await mesh.AssertEveryFactIsLoggedOnceAsync(id);
        await mesh.AssertVerifiesAsync();
    }

    [Fact]
    public async Task A_message_that_audit_cannot_read_is_listed_shown_tried_again_and_discarded()
    {
        await mesh.AllReadyAsync();
        using var desk = new Desk(mesh.Shop.Address.Port);

        await DeadLetterStory.PlayAsync(mesh, new Cli(desk, mesh.Node.Data), async id =>
        {
            var url = await File.ReadAllTextAsync(Path.Combine(mesh.Node.Data, "run", "broker"), Stop);
            await using var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync(Stop);
            await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
            var properties = new BasicProperties
            {
                MessageId = id.ToString(),
                Type = DeadLetterStory.Type,
                Headers = new Dictionary<string, object?> { ["mesh-tenant"] = RefundMesh.Acme, ["mesh-key"] = $"garbage-{id}", ["mesh-key-seq"] = 1L },
            };
            await channel.BasicPublishAsync(DeadLetterStory.Type, "", mandatory: true, properties, DeadLetterStory.Garbage, Stop);
        });
    }

    [Theory]
    [MemberData(nameof(Everywhere))]
    public async Task A_process_that_is_killed_on_the_way_costs_time_and_no_fact(string victim, StepMoment moment)
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync();

        var id = await mesh.ActAtAsync(moment, order, () => mesh.KillAndSeeReplacedAsync(victim));

        await mesh.AssertDoneOnceAsync(id, order);
        await mesh.AssertEveryFactIsLoggedOnceAsync(id);
        await mesh.AssertVerifiesAsync();
    }

    [Fact]
    public async Task While_the_broker_stands_still_tasks_go_on_and_their_facts_arrive_afterwards()
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync();
        var broker = mesh.PidOf("rabbitmq");
        string id;

        DevMesh.Signal(broker, 19);

        try
        {
            id = await mesh.StartTaskAsync(order);
            await mesh.AssertDoneOnceAsync(id, order);
            Assert.DoesNotContain(await mesh.LoggedAsync(id), entry => entry.Kind == "TaskFinished");

            // Whoever watches sees what waits, and that it grows old.
            await Eventually.Async(async () => await OutboxAsync("mesh_outbox_depth") > 0 && await OutboxAsync("mesh_outbox_age_seconds") > 1, TimeSpan.FromSeconds(60));
        }
        finally
        {
            DevMesh.Signal(broker, 18);
        }

        await mesh.AssertEveryFactIsLoggedOnceAsync(id);
        await mesh.AssertVerifiesAsync();
        await Eventually.Async(async () => await OutboxAsync("mesh_outbox_depth") == 0 && await OutboxAsync("mesh_outbox_age_seconds") == 0, TimeSpan.FromSeconds(60));
    }

    private async Task<double> OutboxAsync(string gauge) => (await mesh.MetricsOfAsync("orchestrator")).Split('\n')
        .Where(line => line.StartsWith($"{gauge} ", StringComparison.Ordinal))
        .Select(line => double.Parse(line[(gauge.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture))
        .DefaultIfEmpty(-1)
        .Single();
}
