using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EndToEnd.Tests.Fixture;
using Mesh.Ingress.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Webhooks;

/// <summary>Webhooks of the schemes github and hmac, from their manifests to their tasks, and a secret that is changed under way.</summary>
[Collection(nameof(Together))]
public sealed class WebhookSchemeTests(AttackedMesh mesh) : IAsyncLifetime
{
    private const string Refused = """{"code":16,"message":"The delivery was not accepted."}""";
    private const string Secret = "It's a Secret to Everybody";

    private static readonly string Manifests = """
        apiVersion: mesh/v1
        kind: Webhook
        metadata: {tenant: acme, name: forge}
        spec: {scheme: github, secret: forge-key, start: {workflow: refund-request, input: {order_id: "{body.data.order.id}"}}}
        ---
        apiVersion: mesh/v1
        kind: Webhook
        metadata: {tenant: acme, name: billing}
        spec:
          scheme: hmac
          secret: billing-key
          hmac:
            algorithm: sha256
            header: X-Billing-Signature
            encoding: base64
            prefix: "v0="
            signed: "v0:{timestamp}:{id}.{body}"
            timestamp: {header: X-Billing-Time, unit: ms, tolerance: 2m}
            id: {header: X-Billing-Event}
            keyEncoding: hex
          start: {workflow: refund-request, input: {order_id: "{body.data.order.id}"}}

        """;

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly byte[] billingKey = RandomNumberGenerator.GetBytes(32);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await mesh.Api.Manifests.ApplyAsync(new ApplyRequest { Files = { new ManifestFile { Name = "schemes.yaml", Text = Manifests } } });
        await mesh.PutSecretAsync(RefundMesh.Acme, "webhooks/forge-key", Secret);
        await mesh.PutSecretAsync(RefundMesh.Acme, "webhooks/billing-key", Convert.ToHexStringLower(billingKey));
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_delivery_of_github_becomes_a_task_and_the_same_body_again_a_replay_whatever_its_headers_say()
    {
        var order = await mesh.OfferOrderAsync();
        var body = WebhookSender.BodyOf(order);

        var (first, text) = await AcceptedAsync(() => GitHub(body));
        var task = JsonDocument.Parse(text).RootElement.GetProperty("task").GetString()!;
        var (again, repeat) = await SendAsync(GitHub(body));

        Assert.Equal((202, 200), (first, again));
        Assert.Equal($$"""{"task":"{{task}}","replay":true}""", repeat);
        await mesh.AssertDoneOnceAsync(task, order);
    }

    [Fact]
    public async Task A_delivery_of_a_scheme_that_is_spelled_out_becomes_a_task_and_its_repeat_with_a_new_time_a_replay()
    {
        var order = await mesh.OfferOrderAsync();
        var body = WebhookSender.BodyOf(order);
        var id = Guid.NewGuid().ToString();

        var (first, text) = await AcceptedAsync(() => Billing(body, id));
        var task = JsonDocument.Parse(text).RootElement.GetProperty("task").GetString()!;
        var (again, repeat) = await SendAsync(Billing(body, id, DateTimeOffset.UtcNow.AddSeconds(-30)));

        Assert.Equal((202, 200), (first, again));
        Assert.Equal($$"""{"task":"{{task}}","replay":true}""", repeat);
        await mesh.AssertDoneOnceAsync(task, order);
    }

    [Fact]
    public async Task Whatever_is_wrong_strangers_see_one_answer_for_every_scheme_and_nothing_starts()
    {
        var body = WebhookSender.BodyOf("1001");
        var upper = GitHub(body);
        Set(upper, "X-Hub-Signature-256", "sha256=" + Convert.ToHexString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), body)));
        var recoded = GitHub(body);
        recoded.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body).Replace("\"data\"", "\"dat\\u0061\"", StringComparison.Ordinal)));
        var byAnotherScheme = mesh.Webhooks.Sign(RefundMesh.Acme, "forge", Guid.NewGuid().ToString(), body, DateTimeOffset.UtcNow);
        var unsigned = GitHub(body);
        unsigned.Headers.Remove("X-Hub-Signature-256");
        var otherId = Billing(body, "one");
        Set(otherId, "X-Billing-Event", "another");
        var dotted = Billing(body, "one.two");
        var tasks = await mesh.CountAsync("select count(*) from orchestrator.task");
        var answers = new List<string>();

        foreach (var request in (HttpRequestMessage[])
        [
            upper, recoded, byAnotherScheme, unsigned, otherId, dotted,
            GitHub(body, key: Secret + "."),
            GitHub(body, webhook: "nobody"),
            Billing(body, "one", DateTimeOffset.UtcNow.AddSeconds(-121)),
            Billing(body, "one", DateTimeOffset.UtcNow.AddSeconds(140)),
        ])
        {
            var (status, text) = await SendAsync(request);
            answers.Add($"{status} {text}");
        }

        Assert.Equal($"401 {Refused}", Assert.Single(answers.Distinct()));
        Assert.Equal(tasks, await mesh.CountAsync("select count(*) from orchestrator.task"));
    }

    [Fact]
    public async Task During_a_rotation_the_secret_before_counts_beside_the_new_one_and_the_one_before_that_no_more()
    {
        string[] secrets = [.. Enumerable.Range(0, 3).Select(n => $"rotated secret {n} {Guid.NewGuid():N}")];
        await mesh.PutSecretAsync(RefundMesh.Acme, "webhooks/forge-key", secrets[0]);
        await mesh.PutSecretAsync(RefundMesh.Acme, "webhooks/forge-key", secrets[1]);

        await AcceptedAsync(secrets[1]);
        await AcceptedAsync(secrets[0]);

        await mesh.PutSecretAsync(RefundMesh.Acme, "webhooks/forge-key", secrets[2]);
        await AcceptedAsync(secrets[2]);
        await AcceptedAsync(secrets[1]);
        var (status, text) = await SendAsync(GitHub(WebhookSender.BodyOf(await mesh.OfferOrderAsync()), key: secrets[0]));
        Assert.Equal((401, Refused), (status, text));

        async Task AcceptedAsync(string key)
        {
            var body = WebhookSender.BodyOf(await mesh.OfferOrderAsync());
            await this.AcceptedAsync(() => GitHub(body, key: key));
        }
    }

    // What was applied or put a moment ago is known to ingress at the latest a few seconds after the first delivery that needs it.
    private async Task<(int Status, string Text)> AcceptedAsync(Func<HttpRequestMessage> request)
    {
        var answer = (Status: 0, Text: "");
        await Eventually.Async(async () => (answer = await SendAsync(request())).Status != 401, TimeSpan.FromSeconds(60));
        Assert.True(answer.Status == 202, $"{answer.Status}: {answer.Text}");
        return answer;
    }

    private async Task<(int Status, string Text)> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var answer = await http.SendAsync(request, Stop);
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop));
        }
    }

    private HttpRequestMessage GitHub(byte[] body, string key = Secret, string webhook = "forge")
    {
        var request = Post(webhook, body);
        Set(request, "X-GitHub-Event", "order");
        Set(request, "X-GitHub-Delivery", Guid.NewGuid().ToString());
        Set(request, "X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), body)));
        return request;
    }

    private HttpRequestMessage Billing(byte[] body, string id, DateTimeOffset? at = null)
    {
        var time = (at ?? DateTimeOffset.UtcNow).ToUnixTimeMilliseconds();
        var request = Post("billing", body);
        Set(request, "X-Billing-Event", id);
        Set(request, "X-Billing-Time", $"{time}");
        Set(request, "X-Billing-Signature", "v0=" + Convert.ToBase64String(HMACSHA256.HashData(billingKey, (byte[])[.. Encoding.UTF8.GetBytes($"v0:{time}:{id}."), .. body])));
        return request;
    }

    private HttpRequestMessage Post(string webhook, byte[] body) =>
        new(HttpMethod.Post, new Uri(mesh.Http, $"/hooks/acme/{webhook}")) { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } } };

    private static void Set(HttpRequestMessage request, string header, string value)
    {
        request.Headers.Remove(header);
        request.Headers.TryAddWithoutValidation(header, value);
    }
}
