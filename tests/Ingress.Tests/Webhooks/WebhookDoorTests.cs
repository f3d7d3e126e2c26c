using System.Net;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Tests.Peers;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace Mesh.Ingress.Tests.Webhooks;

public sealed class WebhookDoorTests
{
    private const string Body = """{"data":{"order":{"id":"A-1"}}}""";

    [Fact]
    public async Task A_signed_delivery_becomes_a_task_with_the_bytes_that_were_signed()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("""{"task":"01900000-0000-7000-8000-000000000001"}""", body);
        var delivery = Assert.Single(door.Recorded.Deliveries);
        Assert.Equal(("acme", "shop", "msg_1", Body), (delivery.Tenant, delivery.Webhook, delivery.ReplayKey, delivery.Body.ToStringUtf8()));
        Assert.NotNull(delivery.ReceivedAt);
        Assert.NotNull(delivery.VerifyDuration);
    }

    [Fact]
    public async Task A_replay_is_told_so_with_200()
    {
        await using var door = await TestDoor.StartAsync();
        await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

        var (response, body) = await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"task":"01900000-0000-7000-8000-000000000001","replay":true}""", body);
    }

    [Fact]
    public async Task Whatever_is_wrong_strangers_see_one_answer_and_nothing_happens()
    {
        await using var door = await TestDoor.StartAsync();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var altered = TestDoor.Deliver(Body);
        altered.Content = new StringContent(Body.Replace("A-1", "A-2", StringComparison.Ordinal), Encoding.UTF8, "application/json");
        var reencoded = TestDoor.Deliver(Body);
        reencoded.Content = new StringContent(Body.Replace(":", ": ", StringComparison.Ordinal), Encoding.UTF8, "application/json");
        var doubled = TestDoor.Deliver(Body);
        doubled.Headers.NonValidated.TryGetValues("webhook-signature", out var signature);
        doubled.Headers.TryAddWithoutValidation("webhook-signature", signature.ToString());
        var compressed = TestDoor.Deliver(Body);
        compressed.Content!.Headers.ContentEncoding.Add("gzip");
        var unsigned = TestDoor.Deliver(Body);
        unsigned.Headers.Remove("webhook-signature");
        HttpRequestMessage[] wrong =
        [
            altered, reencoded, doubled, compressed, unsigned,
            TestDoor.Deliver(Body, at: now - 302),
            TestDoor.Deliver(Body, at: now + 310),
            TestDoor.Deliver(Body, key: Convert.ToBase64String(new byte[32])),
            TestDoor.Deliver(Body, webhook: "acme/nothing"),
            TestDoor.Deliver(Body, webhook: "nobody/shop"),
            TestDoor.Deliver(Body, webhook: "ACME/..shop"),
        ];
        var answers = new List<string>();

        foreach (var request in wrong)
        {
            var (response, body) = await door.SendAsync(request, withToken: false);
            answers.Add($"{(int)response.StatusCode} {response.Content.Headers.ContentType} {body}");
        }

        Assert.Equal("""401 application/json {"code":16,"message":"The delivery was not accepted."}""", Assert.Single(answers.Distinct()));
        Assert.Empty(door.Recorded.Deliveries);
        var metrics = await door.Http.GetStringAsync(new Uri(door.Health, "/metrics"), TestContext.Current.CancellationToken);
        Assert.Contains("stale", metrics, StringComparison.Ordinal);
        Assert.Contains("unknown", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_are_asked_for_once_and_an_unknown_webhook_too()
    {
        await using var door = await TestDoor.StartAsync();

        for (var i = 0; i < 3; i++)
        {
            await door.SendAsync(TestDoor.Deliver(Body, id: $"msg_{i}"), withToken: false);
            await door.SendAsync(TestDoor.Deliver(Body, webhook: "acme/nothing"), withToken: false);
        }

        Assert.Equal(2, door.Recorded.KeyQuestions);
    }

    [Fact]
    public async Task A_delivery_of_github_becomes_a_task_under_the_digest_of_its_body()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.Webhooks[("acme", "forge")] = PlayedWebhook.GitHub("It's a Secret to Everybody");
        var request = new HttpRequestMessage(HttpMethod.Post, "/hooks/acme/forge") { Content = new StringContent("Hello, World!") };
        request.Headers.Add("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");

        var (response, _) = await door.SendAsync(request, withToken: false);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("sha256:dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f", Assert.Single(door.Recorded.Deliveries).ReplayKey);
    }

    [Fact]
    public async Task A_secret_that_was_put_a_moment_ago_counts_within_seconds_and_not_only_when_the_old_keys_are_a_minute_old()
    {
        await using var door = await TestDoor.StartAsync();
        await door.SendAsync(TestDoor.Deliver(Body), withToken: false);
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        door.Recorded.Webhooks[("acme", "shop")] = PlayedWebhook.StandardWebhooks("whsec_" + key, "whsec_" + TestDoor.SigningKey);

        await Eventually.Async(
            async () => (await door.SendAsync(TestDoor.Deliver(Body, id: "msg_2", key: key), withToken: false)).Response.StatusCode == HttpStatusCode.Accepted,
            TimeSpan.FromSeconds(45));

        var (old, _) = await door.SendAsync(TestDoor.Deliver(Body, id: "msg_3"), withToken: false);
        Assert.Equal(HttpStatusCode.Accepted, old.StatusCode);
    }

    [Fact]
    public async Task A_scheme_that_this_version_does_not_know_lets_nobody_in_and_nobody_lose_a_delivery()
    {
        await using var door = await TestDoor.StartAsync();
        var webhook = PlayedWebhook.StandardWebhooks("whsec_" + TestDoor.SigningKey);
        webhook.Signature!.Encoding = (Vault.V1.SignatureEncoding)7;
        door.Recorded.Webhooks[("acme", "shop")] = webhook;

        var (response, _) = await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Empty(door.Recorded.Deliveries);
    }

    [Fact]
    public async Task A_refusal_of_the_workflow_is_told_to_whoever_signed()
    {
        await using var door = await TestDoor.StartAsync();
        var refusals = new (Exception Refusal, int Status, string Reason)[]
        {
            (new MeshError(StatusCode.InvalidArgument, Reason.SchemaMismatch, "It does not fit.") { Fields = [new FieldError("order_id", "is required")] }.AsException(), 422, "order_id"),
            (new MeshError(StatusCode.PermissionDenied, Reason.PolicyDenied, "A rule forbids it.").With("rule", "r1").AsException(), 403, "POLICY_DENIED"),
            (Refusals.Refused(StatusCode.Unavailable, Reason.PolicyUnavailable, "Policy is silent."), 503, "POLICY_UNAVAILABLE"),
            (new InvalidOperationException("the secret detail"), 500, "INTERNAL"),
        };

        foreach (var (refusal, status, reason) in refusals)
        {
            door.Recorded.IntakeRefuses = refusal;
            var (response, body) = await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

            Assert.Equal(status, (int)response.StatusCode);
            Assert.Contains(reason, body, StringComparison.Ordinal);
            Assert.DoesNotContain("secret detail", body, StringComparison.Ordinal);
            Assert.Equal(status == 503, response.Headers.RetryAfter is not null);
        }
    }

    [Theory]
    [InlineData("vault")]
    [InlineData("orchestrator")]
    public async Task When_a_service_is_away_the_sender_is_told_to_come_back(string service)
    {
        await using var door = await TestDoor.StartAsync();
        await door.StopPeerAsync(service);

        var (response, body) = await door.SendAsync(TestDoor.Deliver(Body), withToken: false);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Contains("SERVICE_UNAVAILABLE", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_delivery_of_a_megabyte_passes_and_one_byte_more_does_not()
    {
        await using var door = await TestDoor.StartAsync();
        var whole = "\"" + new string('x', (1024 * 1024) - 2) + "\"";

        var (passes, _) = await door.SendAsync(TestDoor.Deliver(whole), withToken: false);
        var (refused, body) = await door.SendAsync(TestDoor.Deliver(whole + " ", id: "msg_2"), withToken: false);

        Assert.Equal(HttpStatusCode.Accepted, passes.StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        Assert.Contains("1048576", body, StringComparison.Ordinal);
    }
}
