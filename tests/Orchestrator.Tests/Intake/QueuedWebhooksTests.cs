using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Bus;
using Mesh.Integrity;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Policy.V1;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Orchestrator.Tests.Intake;

/// <summary>Deliveries that come by the broker, given to the handler as the bus gives them, on a real store.</summary>
public sealed class QueuedWebhooksTests : IClassFixture<JournalFixture>
{
    private const string Canary = "the-customers-own-words";

    private readonly JournalFixture journal;
    private readonly PlayedFlow flow;
    private readonly WorkOffers offers = new(Lives.New(), TimeProvider.System);
    private readonly Catalog catalog;
    private readonly TaskStarter starter;
    private readonly Delivery bus;
    private readonly string tenant = $"t-{Guid.NewGuid():N}";

    public QueuedWebhooksTests(JournalFixture journal)
    {
        this.journal = journal;
        flow = new PlayedFlow(journal);
        catalog = new Catalog(journal.Store, TimeProvider.System);
        starter = new TaskStarter(catalog, flow.Policy, journal.One, offers, TimeProvider.System);
        bus = new Delivery(journal.Store, [new QueuedWebhooks(new WebhookReader(catalog), starter, offers)], NullLogger<Delivery>.Instance);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_delivery_becomes_one_task_however_often_it_is_delivered_and_by_whichever_way()
    {
        await DeclareAsync();
        var message = MessageOf("msg-1");

        Assert.All(await DeliverAsync(message), AssertDone);
        Assert.All(await DeliverAsync(message, message), AssertDone);
        Assert.All(await DeliverAsync(MessageOf("msg-1"), MessageOf("msg-1")), AssertDone);
        var asked = await new WebhookEndpoint(new WebhookReader(catalog), starter).SubmitWebhook(RequestOf("msg-1"), new PlayedContext());

        Assert.True(asked.Existed);
        Assert.Equal(1, await TasksAsync());
    }

    [Fact]
    public async Task One_that_came_by_grpc_first_is_done_when_it_comes_by_the_broker()
    {
        await DeclareAsync();
        await new WebhookEndpoint(new WebhookReader(catalog), starter).SubmitWebhook(RequestOf("msg-1"), new PlayedContext());

        Assert.All(await DeliverAsync(MessageOf("msg-1")), AssertDone);

        Assert.Equal(1, await TasksAsync());
    }

    [Fact]
    public async Task Sixteen_in_one_batch_become_sixteen_tasks_and_a_repeat_among_them_none()
    {
        await DeclareAsync();
        var messages = Enumerable.Range(0, 16).Select(n => MessageOf($"msg-{n}")).Append(MessageOf("msg-3")).ToArray();

        Assert.All(await DeliverAsync(messages), AssertDone);

        Assert.Equal(16, await TasksAsync());
    }

    [Fact]
    public async Task Those_who_wait_for_work_are_told_once_it_is_committed()
    {
        await DeclareAsync();
        var stirred = new List<(WorkflowKey Workflow, long Tasks)>();
        offers.Stirred += workflow => stirred.Add((workflow, TasksAsync().GetAwaiter().GetResult()));

        await DeliverAsync(MessageOf("msg-1"));

        Assert.Equal((tenant, 1), (Assert.Single(stirred).Workflow.Tenant, Assert.Single(stirred).Tasks));
    }

    [Fact]
    public async Task Each_that_became_a_task_is_counted_once_also_when_one_beside_it_is_refused()
    {
        await DeclareAsync();
        var (mine, counted) = (new AsyncLocal<bool> { Value = true }, 0L);
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "mesh.task.started")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        }
        };
        meters.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref counted, mine.Value ? count : 0));
        meters.Start();

        await DeliverAsync(MessageOf("msg-1"), MessageOf("msg-2"), Garbage(), MessageOf("msg-2"));

        Assert.Equal((2L, 2L), (counted, await TasksAsync()));
    }

    [Fact]
    public async Task Of_several_in_one_batch_each_is_looked_at_in_its_own_trace()
    {
        await DeclareAsync();
        var seen = new ConcurrentBag<Activity>();
        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name is MeshSemantics.Meter or "Mesh.Bus",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = seen.Add,
        };
        ActivitySource.AddActivityListener(spans);
        ActivityTraceId[] traces = [ActivityTraceId.CreateRandom(), ActivityTraceId.CreateRandom()];

        await DeliverAsync([.. traces.Select((trace, n) => MessageOf($"msg-{n}") with { TraceParent = $"00-{trace}-{ActivitySpanId.CreateRandom()}-01" })]);

        Assert.All(traces, trace => Assert.Equal(
            ["bus.consume", MeshSemantics.Orchestrator, MeshSemantics.PolicyEval], seen.Where(span => span.TraceId == trace).Select(span => span.OperationName).Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task What_is_refused_is_parked_with_its_reason_and_without_a_word_of_the_body_and_the_others_go_on()
    {
        await DeclareAsync();
        var elsewhere = RequestOf("msg-2");
        elsewhere.Webhook = "nobody";
        var foreign = RequestOf("msg-3");
        foreign.Tenant = "globex";

        var outcomes = await DeliverAsync(
            MessageOf("msg-1"), MessageOf(elsewhere), MessageOf(foreign), MessageOf("msg-4", $$"""{"{{Canary}}":1,"{{Canary}}":2}"""),
            MessageOf("msg-5", $$"""{"customer":"{{Canary}}"}"""), MessageOf("msg-6", $$"""{"order":"{{Canary}}"}"""), Garbage());

        string[] reasons = ["", "WEBHOOK_NOT_FOUND", "another tenant", "JSON_REFUSED", "INVALID_ARGUMENT", "SCHEMA_MISMATCH", "protocol"];
        Assert.All(outcomes.Zip(reasons), one => Assert.Contains(one.Second, ErrorOf(one.First), StringComparison.OrdinalIgnoreCase));
        Assert.All(outcomes, outcome => Assert.DoesNotContain(Canary, ErrorOf(outcome), StringComparison.Ordinal));
        AssertDone(outcomes[0]);
        Assert.Equal(1, await TasksAsync());
    }

    [Fact]
    public async Task What_policy_forbids_is_parked_and_what_it_is_silent_about_is_tried_again()
    {
        await DeclareAsync();
        flow.Peers.On<AdmitRequest>(_ => throw PlayedPeers.Away());
        Assert.Contains("Policy did not answer", Assert.IsType<DeliveryOutcome.Failed>(Assert.Single(await DeliverAsync(MessageOf("msg-1")))).Error, StringComparison.Ordinal);

        flow.Peers.On<AdmitRequest>(_ => new AdmitResponse { Permitted = false });
        Assert.StartsWith("POLICY_DENIED", Assert.IsType<DeliveryOutcome.Undecodable>(Assert.Single(await DeliverAsync(MessageOf("msg-1")))).Error, StringComparison.Ordinal);

        Assert.Equal(0, await TasksAsync());
    }

    [Fact]
    public async Task A_repeat_is_done_although_policy_or_the_manifest_have_changed_their_mind()
    {
        await DeclareAsync();
        await DeliverAsync(MessageOf("msg-1"));
        flow.Peers.On<AdmitRequest>(_ => new AdmitResponse { Permitted = false });

        Assert.All(await DeliverAsync(MessageOf("msg-1")), AssertDone);

        Assert.Equal(1, await TasksAsync());
    }

    private static void AssertDone(DeliveryOutcome outcome) => Assert.IsType<DeliveryOutcome.Done>(outcome);

    private static string ErrorOf(DeliveryOutcome outcome) => outcome is DeliveryOutcome.Undecodable { Error: var error } ? error : outcome is DeliveryOutcome.Done ? "" : $"{outcome}";

    private Task<IReadOnlyList<DeliveryOutcome>> DeliverAsync(params IReadOnlyList<Envelope> messages) => bus.DeliverAsync(Subscriptions.Webhooks, messages, Stop);

    private Envelope MessageOf(string replayKey, string body = """{"order":"o-1"}""") => MessageOf(RequestOf(replayKey, body));

    private Envelope MessageOf(V1.SubmitWebhookRequest request) => Enclose(request.ReplayKey, request.ToByteArray());

    private Envelope Garbage() => Enclose("garbage", [0xff, 0xff, 0xff, 0xff, 0x01]);

    private Envelope Enclose(string key, byte[] body) =>
        new(Guid.CreateVersion7(), tenant, $"shop/{key}", 0, V1.SubmitWebhookRequest.Descriptor.FullName, null, body);

    private V1.SubmitWebhookRequest RequestOf(string replayKey, string body = """{"order":"o-1"}""") => new()
    {
        Tenant = tenant,
        Webhook = "shop",
        Body = ByteString.CopyFromUtf8(body),
        ReplayKey = replayKey,
        ReceivedAt = Timestamp.FromDateTime(DateTime.UtcNow),
        VerifyDuration = new Duration(),
    };

    private Task<long> TasksAsync() => journal.CountAsync($"select count(*) from orchestrator.task where tenant_id = '{tenant}'");

    // What an apply leaves behind of a workflow without tools, and of a webhook that starts it.
    private async Task DeclareAsync()
    {
        var spec = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(
            $$$"""{"tools":[],"agent":{"process":{"command":["x"],"bundle":"sha256:{{{new string('0', 64)}}}"}},"input":{"type":"object","properties":{"order":{"type":"string","maxLength":10} } } }"""));
        var version = ContentDigest.Of(spec).ToString();
        var webhook = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(
            $$$"""
            {"apiVersion":"mesh/v1","kind":"Webhook","metadata":{"tenant":"{{{tenant}}}","name":"shop"},
             "spec":{"scheme":"github","secret":"key","start":{"workflow":"refund-request","input": {"order":"{body.order}"} } } }
            """));
        await ExecuteAsync("insert into orchestrator.workflow_version(tenant_id, workflow, version, spec, tools, tool_digests) values ($1, 'refund-request', $2, $3, '{}', '{}')", tenant, version, spec);
        await ExecuteAsync("insert into orchestrator.workflow_current(tenant_id, workflow, version) values ($1, 'refund-request', $2)", tenant, version);
        await ExecuteAsync("insert into orchestrator.manifest(tenant_id, kind, name, digest, canonical, applied_by) values ($1, 'Webhook', 'shop', 'x', $2, 'ann')", tenant, webhook);
        catalog.Forget();
    }

    private async Task ExecuteAsync(string sql, params IReadOnlyList<object> values)
    {
        await using var command = journal.Store.CreateCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Stop);
    }
}
