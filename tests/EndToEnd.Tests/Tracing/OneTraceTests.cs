using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Tracing;

/// <summary>From the webhook to the audit log's entry about the outcome of its tool call: one trace, on the embedded bus.</summary>
[Collection(nameof(Watched))]
public sealed class OneTraceTests(TracedMesh mesh) : OneTrace(mesh);

/// <summary>The same on RabbitMQ: what a message carries arrives.</summary>
public sealed class OneTraceOnRabbitTests(TracedRabbitMesh mesh) : OneTrace(mesh), IClassFixture<TracedRabbitMesh>;

public abstract class OneTrace(TracedMesh mesh)
{
    // Who is around whom. Everything between two of these is the transport's: a request, as its sender and as its receiver saw it.
    private static readonly string[] Nesting =
    [
        "audit:audit.log in audit:bus.consume",
        "audit:bus.consume in orchestrator:bus.send",
        "audit:bus.consume in vault:bus.send",
        "ingress:ingress in nothing",
        "orchestrator:agent.dispatch in orchestrator:orchestrator",
        "orchestrator:audit.log in orchestrator:orchestrator",
        "orchestrator:bus.send in orchestrator:orchestrator",
        "orchestrator:orchestrator in ingress:ingress",
        "orchestrator:orchestrator in orchestrator:agent.dispatch",
        "orchestrator:policy.eval in orchestrator:orchestrator",
        "orchestrator:secrets.lease in orchestrator:orchestrator",
        "orchestrator:state.store in orchestrator:orchestrator",
        "toolrunner:secrets.lease in orchestrator:orchestrator",
        "toolrunner:tool.call in orchestrator:orchestrator",
        "vault:bus.send in toolrunner:secrets.lease",
    ];

    // These come with a task that found no agent waiting, or with one whose call took or gave back from a limit.
    private static readonly string[] Sometimes =
    [
        "orchestrator:bus.send in orchestrator:agent.dispatch",
        "orchestrator:state.store in orchestrator:agent.dispatch",
        "policy:bus.consume in orchestrator:bus.send",
    ];

    [Fact]
    public async Task One_trace_has_the_webhook_the_eight_names_and_the_entry_about_the_outcome()
    {
        var trace = await TraceOfAsync(await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync()));

        Assert.Equal(Nesting, trace.Nesting.Except(Sometimes));
        var root = Assert.Single(trace.Roots);
        Assert.Equal("ingress", root.Service);

        // The way back from every entry of the log ends at the door. Those about the three calls go by the agent that asked for them.
        var ways = trace.Spans.Where(span => span is { Service: "audit", Name: "audit.log" }).Select(entry => trace.Up(entry).ToList()).ToList();
        Assert.All(ways, way => Assert.Equal(root, way[^1]));
        Assert.True(ways.Count(way => way.Any(span => span.Name == "agent.dispatch") && way.First(span => span.Name == "bus.send").Service == "orchestrator") >= 3);
        Assert.Equal(3, trace.Spans.Count(span => span.Name == "tool.call"));
        Assert.Equal(["audit", "ingress", "orchestrator", "policy", "toolrunner", "vault"], trace.Spans.Select(span => span.Service).Distinct().Order());
    }

    [Fact]
    public async Task A_task_that_is_started_by_the_api_is_one_trace_too()
    {
        var trace = await TraceOfAsync(await mesh.StartTaskAsync(await mesh.OfferOrderAsync()));

        Assert.Equal(Nesting, trace.Nesting.Except(Sometimes));
        Assert.Equal("/mesh.orchestrator.v1.TaskService/StartTask", Assert.Single(trace.Spans, span => span is { Service: "ingress", Name: "ingress" }).Tags["mesh.door"]);
    }

    [Fact]
    public async Task No_span_and_no_metric_carries_a_secret_or_what_a_task_is_about()
    {
        var order = await mesh.OfferOrderAsync();
        var trace = await TraceOfAsync(await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order));
        string[] planted =
        [
            RefundShop.CrmToken, RefundShop.PaymentsToken, RefundShop.MailToken, mesh.Webhooks.Secret["whsec_".Length..], mesh.Node.ReadRun().Token,
            order, "Ada Lovelace", "ada@example.com",
        ];

        // The search finds what is there.
        var call = trace.Spans.First(span => span.Name == "tool.call");
        Assert.NotEmpty(mesh.Receiver.Requests.SelectMany(request => new Canary(call.Tags["mesh.action"]).FormsIn(request)));

        Assert.All(planted, text => Assert.Empty(mesh.Receiver.Requests.SelectMany(request => new Canary(text).FormsIn(request))));
    }

    [Fact]
    public async Task What_services_ask_their_stores_by_the_clock_is_no_trace()
    {
        await TraceOfAsync(await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync()));

        var statements = mesh.Receiver.Spans.Where(span => span.Tags.GetValueOrDefault("db.system.name") == "postgresql").ToList();

        // Those that somebody asked for are there.
        Assert.NotEmpty(statements);
        Assert.All(statements, span => Assert.NotEmpty(span.Parent));
    }

    [Fact]
    public async Task A_stranger_neither_names_the_trace_nor_keeps_it_from_being_recorded()
    {
        const string theirs = "0af7651916cd43dd8448eb211c80319c";
        using var http = new HttpClient();
        using var request = mesh.Webhooks.Sign(
            RefundMesh.Acme, "shop", $"msg_{Guid.NewGuid():N}", WebhookSender.BodyOf(await mesh.OfferOrderAsync()), DateTimeOffset.UtcNow);
        request.Headers.Add("traceparent", $"00-{theirs}-b7ad6b7169203331-00");
        request.Headers.Add("tracestate", "stranger=state-of-a-stranger");
        request.Headers.Add("baggage", "stranger=baggage-of-a-stranger");

        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var task = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.GetProperty("task").GetString()!;

        var trace = await TraceOfAsync(task);
        Assert.Single(trace.Roots);
        Assert.DoesNotContain(mesh.Receiver.Spans, span => span.Trace == theirs);
        Assert.All(["state-of-a-stranger", "baggage-of-a-stranger"], text => Assert.Empty(mesh.Receiver.Requests.SelectMany(sent => new Canary(text).FormsIn(sent))));
    }

    private async Task<ReceivedTrace> TraceOfAsync(string task)
    {
        Assert.Equal(TaskState.Completed, (await mesh.RestAsync(task)).State);
        await mesh.AssertEveryFactIsLoggedOnceAsync(task);
        ReceivedTrace? trace = null;

        try
        {
            return await Eventually.ValueAsync(
                () =>
                {
                    var received = mesh.Receiver.Spans;
                    var ids = received.Where(span => span.Tags.GetValueOrDefault("mesh.task.id") == task).Select(span => span.Trace).Distinct().ToList();
                    trace = ids.Count == 0 ? null : new ReceivedTrace(received.Where(span => ids.Contains(span.Trace)));
                    return Task.FromResult(trace is { IsWhole: true } && ids.Count == 1 ? trace : null);
                },
                TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"The task {task} has no whole trace of its own. Roots: {Said(trace?.Roots)}. Without their parents: {Said(trace?.Lost)}. Nesting: {string.Join("; ", trace?.Nesting ?? [])}");
        }
    }

    private static string Said(IReadOnlyList<ReceivedSpan>? spans) => string.Join(", ", (spans ?? []).Select(span => $"{span} of {span.Trace[..6]}"));
}
