using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using EndToEnd.Tests.Fixture;
using Mesh.TestKit;

namespace EndToEnd.Tests.Webhooks;

/// <summary>Somebody without the key, or with an old delivery, wants a task.</summary>
[Collection(nameof(Together))]
public sealed class WebhookAttackTests(AttackedMesh mesh) : IDisposable
{
    private const string Refused = """{"code":16,"message":"The delivery was not accepted."}""";

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(20) };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    [Fact]
    public async Task A_delivery_that_comes_again_is_answered_200_and_starts_nothing()
    {
        var body = WebhookSender.BodyOf(await mesh.OfferOrderAsync());
        var id = NewId();
        using var first = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, body);
        var task = (await ReadAsync(first)).Json.GetProperty("task").GetString()!;
        await mesh.RestAsync(task);
        var (tasks, counted) = (await TasksAsync(), await RejectedAsync("replay"));

        // Also with a fresh time stamp, as real senders sign their retries, and many at once.
        var again = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, body, DateTimeOffset.UtcNow.AddSeconds(-n))));

        Assert.Equal(202, (int)first.StatusCode);
        foreach (var answer in again)
        {
            using (answer)
            {
                Assert.Equal((200, task), ((int)answer.StatusCode, (await ReadAsync(answer)).Json.GetProperty("task").GetString()));
            }
        }

        Assert.Equal((tasks, counted + 16), (await TasksAsync(), await RejectedAsync("replay")));
    }

    [Fact]
    public async Task Sixteen_copies_at_the_same_moment_start_one_task()
    {
        var body = WebhookSender.BodyOf(await mesh.OfferOrderAsync());
        var id = NewId();
        var tasks = await TasksAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, body)));

        Assert.Single(answers, answer => (int)answer.StatusCode == 202);
        Assert.Equal(15, answers.Count(answer => (int)answer.StatusCode == 200));
        Assert.Equal(tasks + 1, await TasksAsync());
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact]
    public async Task The_same_delivery_id_with_another_signed_body_starts_nothing()
    {
        var id = NewId();
        using var first = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, WebhookSender.BodyOf(await mesh.OfferOrderAsync()));
        Assert.Equal(202, (int)first.StatusCode);
        var (tasks, counted) = (await TasksAsync(), await RejectedAsync("replay"));

        using var other = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", id, WebhookSender.BodyOf(await mesh.OfferOrderAsync()));

        Assert.Equal(200, (int)other.StatusCode);
        Assert.Equal((tasks, counted + 1), (await TasksAsync(), await RejectedAsync("replay")));
    }

    [Theory]
    [InlineData("signature", "one byte changed")]
    [InlineData("signature", "another encoding of the same body")]
    [InlineData("signature", "another tenant's secret")]
    [InlineData("signature", "the id of another delivery")]
    [InlineData("stale", "301 s old")]
    [InlineData("stale", "302 s in the future")]
    [InlineData("unknown", "no such webhook")]
    [InlineData("unknown", "no such tenant")]
    [InlineData("content_encoding", "compressed on its way")]
    [InlineData("header_missing", "no signature")]
    [InlineData("header_missing", "no time")]
    [InlineData("timestamp_malformed", "a time with a sign")]
    [InlineData("signature_malformed", "a signature of another version only")]
    [InlineData("signature_malformed", "a signature in another spelling of base64")]
    public async Task Strangers_get_one_and_the_same_401_and_the_metric_says_why(string reason, string how)
    {
        var tasks = await TasksAsync();
        var counted = await RejectedAsync(reason);
        using var request = Forge(how, WebhookSender.BodyOf("1001"));

        using var answer = await http.SendAsync(request, Stop);

        Assert.Equal((401, Refused), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop)));
        Assert.Equal(counted + 1, await RejectedAsync(reason));
        Assert.Equal(tasks, await TasksAsync());
    }

    [Fact]
    public async Task A_good_signature_beside_a_second_signature_header_is_not_accepted()
    {
        var body = WebhookSender.BodyOf("1001");
        using var signed = mesh.Webhooks.Sign(RefundMesh.Acme, "shop", NewId(), body, DateTimeOffset.UtcNow);
        var good = signed.Headers.GetValues("webhook-signature").Single();
        var lines = new StringBuilder($"POST /hooks/acme/shop HTTP/1.1\r\nhost: mesh\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {body.Length}\r\n");
        lines.Append(CultureInfo.InvariantCulture, $"webhook-id: {signed.Headers.GetValues("webhook-id").Single()}\r\nwebhook-timestamp: {signed.Headers.GetValues("webhook-timestamp").Single()}\r\n");
        lines.Append(CultureInfo.InvariantCulture, $"webhook-signature: {good}\r\nwebhook-signature: v1,{Convert.ToBase64String(new byte[32])}\r\n\r\n");
        var tasks = await TasksAsync();

        // By hand: HTTP clients would write them into one line.
        using var socket = new TcpClient();
        await socket.ConnectAsync(mesh.Http.Host, mesh.Http.Port, Stop);
        await socket.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(lines.ToString()), .. body], Stop);
        using var reader = new StreamReader(socket.GetStream());
        var answer = await reader.ReadToEndAsync(Stop);

        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
        Assert.Contains(Refused, answer, StringComparison.Ordinal);
        Assert.Equal(tasks, await TasksAsync());
    }

    [Fact]
    public async Task A_signed_delivery_whose_body_fits_no_input_says_so_to_its_sender_and_starts_nothing()
    {
        var tasks = await TasksAsync();

        using var wrong = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", NewId(), """{"data":{"order":{"id":5}}}"""u8.ToArray());
        using var twice = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", NewId(), """{"data":{"order":{"id":"1001","id":"1002"}}}"""u8.ToArray());

        (await ReadAsync(wrong)).Refused(422, "SCHEMA_MISMATCH");
        (await ReadAsync(twice)).Refused(422, "JSON_REFUSED");
        Assert.Equal(tasks, await TasksAsync());
    }

    [Fact]
    public async Task A_body_above_a_mebibyte_is_refused_with_its_limit()
    {
        var (tasks, counted, refused) = (await TasksAsync(), await RejectedAsync("too_large"), await mesh.RefusalsAsync("PAYLOAD_TOO_LARGE"));

        using var answer = await mesh.Webhooks.SendAsync(RefundMesh.Acme, "shop", NewId(), new byte[(1024 * 1024) + 1]);

        Assert.Equal("1048576", (await ReadAsync(answer)).Refused(413, "PAYLOAD_TOO_LARGE").Metadata("limit_bytes"));
        Assert.Equal((tasks, counted + 1, refused + 1), (await TasksAsync(), await RejectedAsync("too_large"), await mesh.RefusalsAsync("PAYLOAD_TOO_LARGE")));
    }

    [Fact]
    public async Task Six_hundred_strangers_who_dawdle_with_their_bodies_stop_nobody_who_has_a_token()
    {
        const int strangers = 600, placesOfTheDoor = 512;
        var task = await AttackedMesh.BeginAsync(mesh.Admin, RefundMesh.Acme, ScriptedCall.Tool(AttackManifests.Raw, new { }, 0));
        var head = Encoding.ASCII.GetBytes(
            $"POST /hooks/acme/shop HTTP/1.1\r\nhost: mesh\r\ncontent-length: 1000000\r\nwebhook-id: {NewId()}\r\nwebhook-timestamp: {DateTimeOffset.UtcNow.ToUnixTimeSeconds()}\r\nwebhook-signature: v1,{Convert.ToBase64String(new byte[32])}\r\n\r\n{{");
        var sockets = Enumerable.Range(0, strangers).Select(_ => new TcpClient()).ToList();

        try
        {
            foreach (var socket in sockets)
            {
                await socket.ConnectAsync(mesh.Http.Host, mesh.Http.Port, Stop);
                await socket.GetStream().WriteAsync(head, Stop);
            }

            // Those who found no place are told so; the others are waited for.
            await Eventually.Async(() => sockets.Count(socket => socket.Available > 0) >= strangers - placesOfTheDoor);
            var clock = Stopwatch.StartNew();
            (await mesh.Admin.GetAsync($"/v1/tenants/acme/tasks/{task}")).Good();

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(2), $"The call took {clock.Elapsed}.");
            Assert.Contains(sockets, socket => socket.Available == 0);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }

        await mesh.EndAsync(RefundMesh.Acme, task);
    }

    [Fact]
    public async Task A_delivery_of_299_seconds_ago_still_counts()
    {
        using var answer = await mesh.Webhooks.SendAsync(
            RefundMesh.Acme, "shop", NewId(), WebhookSender.BodyOf(await mesh.OfferOrderAsync()), DateTimeOffset.UtcNow.AddSeconds(-298));

        Assert.Equal(202, (int)answer.StatusCode);
    }

    private static string NewId() => $"msg_{Guid.NewGuid():N}";

    private static async Task<Answer> ReadAsync(HttpResponseMessage answer) => new((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());

    private Task<long> RejectedAsync(string reason) => mesh.MetricAsync("mesh_webhook_rejected_total", reason);

    private Task<long> TasksAsync() => mesh.CountAsync("select count(*) from orchestrator.task");

    private HttpRequestMessage Forge(string how, byte[] body)
    {
        var now = DateTimeOffset.UtcNow;
        var at = how switch { "301 s old" => now.AddSeconds(-301), "302 s in the future" => now.AddSeconds(302), _ => now };
        var (tenant, webhook) = how switch { "no such webhook" => ("acme", "nobody"), "no such tenant" => ("nowhere", "shop"), _ => ("acme", "shop") };
        var request = mesh.Webhooks.Sign(tenant, webhook, NewId(), body, at);

        switch (how)
        {
            case "one byte changed":
                body[^3] ^= 1;
                Put(request, body);
                break;
            case "another encoding of the same body":
                Put(request, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body).Replace("\"data\"", "\"dat\\u0061\"", StringComparison.Ordinal)));
                break;
            case "another tenant's secret":
                SignWith(request, new byte[32], body);
                break;
            case "the id of another delivery":
                Set(request, "webhook-id", NewId());
                break;
            case "compressed on its way":
                request.Content!.Headers.ContentEncoding.Add("gzip");
                break;
            case "no signature":
                request.Headers.Remove("webhook-signature");
                break;
            case "no time":
                request.Headers.Remove("webhook-timestamp");
                break;
            case "a time with a sign":
                Set(request, "webhook-timestamp", $"+{now.ToUnixTimeSeconds()}");
                break;
            case "a signature of another version only":
                Set(request, "webhook-signature", request.Headers.GetValues("webhook-signature").Single().Replace("v1,", "v2,", StringComparison.Ordinal));
                break;
            case "a signature in another spelling of base64":
                Set(request, "webhook-signature", request.Headers.GetValues("webhook-signature").Single().TrimEnd('='));
                break;
        }

        return request;
    }

    private static void Put(HttpRequestMessage request, byte[] body) => request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };

    private static void Set(HttpRequestMessage request, string header, string value)
    {
        request.Headers.Remove(header);
        request.Headers.TryAddWithoutValidation(header, value);
    }

    private static void SignWith(HttpRequestMessage request, byte[] key, byte[] body)
    {
        var prefix = $"{request.Headers.GetValues("webhook-id").Single()}.{request.Headers.GetValues("webhook-timestamp").Single()}.";
        Set(request, "webhook-signature", $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes(prefix), .. body]))}");
    }
}
