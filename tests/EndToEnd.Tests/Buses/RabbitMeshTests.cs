using EndToEnd.Tests.Commands;
using EndToEnd.Tests.Fixture;
using Google.Protobuf;
using Mesh.Facts.V1;
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

        await DeadLetterStory.PlayAsync(mesh, new Cli(desk, mesh.Node.Data), id => PublishAsync(id, DeadLetterStory.Type, $"garbage-{id}", DeadLetterStory.Garbage));
    }

    [Fact]
    public async Task A_message_that_speaks_of_another_tenant_than_it_came_for_is_parked_with_its_reason_and_the_rest_goes_on()
    {
        await mesh.AllReadyAsync();
        using var desk = new Desk(mesh.Shop.Address.Port);
        var cli = new Cli(desk, mesh.Node.Data);
        var (facts, governance, outcome) = (Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        var task = Guid.CreateVersion7();
        var taskId = ByteString.CopyFrom(task.ToByteArray(bigEndian: true));

        await PublishAsync(facts, TaskFactBatch.Descriptor.FullName, task.ToString("D"), new TaskFactBatch
        {
            Facts = { new TaskFact { Tenant = "globex", TaskId = taskId, StepRecorded = new StepRecorded() }.ToByteString() },
        }.ToByteArray());
        await PublishAsync(governance, GovernanceFactBatch.Descriptor.FullName, "approval/forged", new GovernanceFactBatch
        {
            Facts = { new GovernanceFact { Tenant = "globex", ApprovalDecided = new ApprovalDecided { ApprovalId = "forged", TaskId = taskId } }.ToByteString() },
        }.ToByteArray());
        await PublishAsync(outcome, CallOutcome.Descriptor.FullName, "forged", new CallOutcome { Tenant = "globex", ActionDigest = ByteString.CopyFrom(new byte[32]) }.ToByteArray());

        (string Consumer, Guid Message)[] expected = [("audit", facts), ("audit", governance), ("orchestrator", governance), ("policy", outcome)];
        await Eventually.Async(async () => expected.All((await ParkedAsync(cli)).ContainsKey), TimeSpan.FromSeconds(60));
        var parked = await ParkedAsync(cli);
        Assert.All(expected, one => Assert.Contains("another tenant", parked[one], StringComparison.Ordinal));
        Assert.Empty(await mesh.LoggedAsync(task.ToString("D")));

        var order = await mesh.OfferOrderAsync();
        var id = await mesh.StartTaskAsync(order);
        await mesh.AssertDoneOnceAsync(id, order);
        await mesh.AssertEveryFactIsLoggedOnceAsync(id);

        foreach (var (consumer, message) in expected)
        {
            await cli.JsonAsync($"dead-letter discard {consumer} {message} --yes");
        }
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

    private static async Task<IReadOnlyDictionary<(string Consumer, Guid Message), string>> ParkedAsync(Cli cli) =>
        (await cli.JsonAsync("dead-letter list")).EnumerateArray().ToDictionary(
            one => (one.GetProperty("consumer").GetString()!, one.GetProperty("messageId").GetGuid()), one => one.GetProperty("error").GetString()!);

    /// <summary>As whoever has the broker's password may: under acme's name.</summary>
    private async Task PublishAsync(Guid id, string type, string key, byte[] body)
    {
        var url = await File.ReadAllTextAsync(Path.Combine(mesh.Node.Data, "run", "broker"), Stop);
        await using var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync(Stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        var properties = new BasicProperties
        {
            MessageId = id.ToString(),
            Type = type,
            Headers = new Dictionary<string, object?> { ["mesh-tenant"] = RefundMesh.Acme, ["mesh-key"] = key, ["mesh-key-seq"] = 1L },
        };
        await channel.BasicPublishAsync(type, "", mandatory: true, properties, body, Stop);
    }

    private async Task<double> OutboxAsync(string gauge) => (await mesh.MetricsOfAsync("orchestrator")).Split('\n')
        .Where(line => line.StartsWith($"{gauge} ", StringComparison.Ordinal))
        .Select(line => double.Parse(line[(gauge.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture))
        .DefaultIfEmpty(-1)
        .Single();
}
