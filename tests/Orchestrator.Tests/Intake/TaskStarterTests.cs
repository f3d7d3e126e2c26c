using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Policy.V1;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Tests.Intake;

/// <summary>How tasks begin, and what a repeat of the request is answered once things have changed.</summary>
public sealed class TaskStarterTests : IClassFixture<JournalFixture>
{
    private readonly JournalFixture journal;
    private readonly PlayedFlow flow;
    private readonly WorkOffers offers = new(Lives.New(), TimeProvider.System);
    private readonly Catalog catalog;
    private readonly TaskStarter starter;
    private readonly string tenant = $"t-{Guid.NewGuid():N}";

    public TaskStarterTests(JournalFixture journal)
    {
        this.journal = journal;
        flow = new PlayedFlow(journal);
        catalog = new Catalog(journal.Store, TimeProvider.System);
        starter = new TaskStarter(catalog, flow.Policy, journal.One, offers, TimeProvider.System);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_repeat_finds_the_first_task_after_policy_has_changed_its_mind()
    {
        await DeclareAsync("""{"type":"object"}""");
        var first = Assert.IsType<StartAnswer.Started>(await starter.StartAsync(Request("{}"), Stop));
        flow.Peers.On<AdmitRequest>(_ => new AdmitResponse { Permitted = false });

        var again = await starter.StartAsync(Request("{}"), Stop);

        Assert.Equal(first.Task.Key.Id, Assert.IsType<StartAnswer.Existed>(again).TaskId);
    }

    [Fact]
    public async Task A_repeat_finds_the_first_task_while_policy_is_silent()
    {
        await DeclareAsync("""{"type":"object"}""");
        await starter.StartAsync(Request("{}"), Stop);
        flow.Peers.On<AdmitRequest>(_ => throw PlayedPeers.Away());

        Assert.IsType<StartAnswer.Existed>(await starter.StartAsync(Request("{}"), Stop));
    }

    [Fact]
    public async Task A_repeat_finds_the_first_task_after_the_schema_has_changed()
    {
        await DeclareAsync("""{"type":"object"}""");
        await starter.StartAsync(Request("{}"), Stop);
        await DeclareAsync("""{"type":"object","required":["order"]}""");

        Assert.IsType<StartAnswer.Existed>(await starter.StartAsync(Request("{}"), Stop));
    }

    [Fact]
    public async Task The_same_request_id_with_another_payload_is_refused_as_such_whatever_policy_says()
    {
        await DeclareAsync("""{"type":"object"}""");
        await starter.StartAsync(Request("{}"), Stop);
        flow.Peers.On<AdmitRequest>(_ => new AdmitResponse { Permitted = false });

        var refused = Assert.IsType<StartAnswer.Refused>(await starter.StartAsync(Request("""{"other":1}"""), Stop)).Error;

        Assert.Equal((StatusCode.AlreadyExists, Reason.RequestIdReused), (refused.Code, refused.Reason));
    }

    [Fact]
    public async Task A_replayed_webhook_is_answered_as_one_after_its_template_has_changed()
    {
        await DeclareAsync("""{"type":"object"}""", """{"body":"{body.order}"}""");
        var first = await SubmitAsync("""{"order":"o-1"}""");
        await DeclareAsync("""{"type":"object"}""", """{"body":"{body.customer}"}""");

        var replay = await SubmitAsync("""{"order":"o-1"}""");

        Assert.False(first.Existed);
        Assert.True(replay.Existed);
    }

    [Fact]
    public async Task A_webhook_that_makes_a_larger_input_than_a_task_may_have_is_refused_with_field_and_limit()
    {
        await DeclareAsync("""{"type":"object"}""", """{"whole":"{body}"}""");

        var refused = (await Assert.ThrowsAsync<RefusalException>(() => SubmitAsync($$"""{"text":"{{new string('x', 300 * 1024)}}"}"""))).Error;

        Assert.Equal((StatusCode.InvalidArgument, Reason.PayloadTooLarge), (refused.Code, refused.Reason));
        Assert.Equal("262144", refused.Metadata["limit_bytes"]);
        Assert.Equal("input", Assert.Single(refused.Fields).Field);
    }

    [Fact]
    public async Task An_agent_that_was_held_for_a_start_that_failed_is_offered_what_became_ready_meanwhile()
    {
        await DeclareAsync("""{"type":"object"}""");
        var workflow = (await catalog.FindCurrentAsync(tenant, "refund-request", Stop))!;
        var poll = offers.Wait(new AgentIdentity(new WorkflowKey(tenant, workflow.Name, workflow.Version), "agent-1"), room: 1);
        var looks = new List<(WorkflowKey Workflow, bool IsWaitedFor)>();
        offers.Stirred += stirred => looks.Add((stirred, offers.IsWaitedFor(stirred)));

        // Held when the write begins, and given back when the store refuses it.
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => starter.StartAsync(Request("{}") with { Initiator = "person:\0" }, Stop));

        Assert.False(poll.IsOver);
        Assert.Equal((poll.Agent.Workflow, true), Assert.Single(looks));
    }

    private StartRequest Request(string input) => new()
    {
        Tenant = tenant,
        Workflow = "refund-request",
        Input = Encoding.UTF8.GetBytes(input),
        Initiator = "person:ann",
        RequestId = "r-1",
        RequestKey = "request:ann:r-1",
    };

    private async Task<V1.SubmitWebhookResponse> SubmitAsync(string body) => await new WebhookEndpoint(new WebhookReader(catalog), starter).SubmitWebhook(
        new V1.SubmitWebhookRequest
        {
            Tenant = tenant,
            Webhook = "shop",
            Body = ByteString.CopyFromUtf8(body),
            ReplayKey = "msg-1",
            ReceivedAt = Timestamp.FromDateTime(DateTime.UtcNow),
            VerifyDuration = new Duration(),
        },
        new PlayedContext());

    // What an apply leaves behind of a workflow without tools, and of a webhook that starts it.
    private async Task DeclareAsync(string schema, string? template = null)
    {
        var spec = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(
            $$$"""{"tools":[],"agent":{"process":{"command":["x"],"bundle":"sha256:{{{new string('0', 64)}}}"}},"input":{{{schema}}}}"""));
        var version = ContentDigest.Of(spec).ToString();
        await ExecuteAsync("insert into orchestrator.workflow_version(tenant_id, workflow, version, spec, tools, tool_digests) values ($1, 'refund-request', $2, $3, '{}', '{}') on conflict do nothing", tenant, version, spec);
        await ExecuteAsync("insert into orchestrator.workflow_current(tenant_id, workflow, version) values ($1, 'refund-request', $2) on conflict (tenant_id, workflow) do update set version = excluded.version", tenant, version);

        if (template is not null)
        {
            var webhook = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(
                $$$"""
                {"apiVersion":"mesh/v1","kind":"Webhook","metadata":{"tenant":"{{{tenant}}}","name":"shop"},
                 "spec":{"scheme":"standard-webhooks","secret":"key","start":{"workflow":"refund-request","input": {{{template}}} } } }
                """));
            await ExecuteAsync("insert into orchestrator.manifest(tenant_id, kind, name, digest, canonical, applied_by) values ($1, 'Webhook', 'shop', 'x', $2, 'ann') on conflict (tenant_id, kind, name) do update set canonical = excluded.canonical", tenant, webhook);
        }

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
