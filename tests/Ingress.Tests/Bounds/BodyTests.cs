using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Tests.Peers;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Tests.Bounds;

public sealed class BodyTests
{
    [Theory]
    [InlineData("""{"principal":"a","principal":"b"}""", "/principal")]
    [InlineData("""{"a":9007199254740993}""", "/a")]
    [InlineData("""{"a":"\ud800"}""", "/a")]
    [InlineData("""{"a":1""", "")]
    [InlineData("""{} {}""", "")]
    public async Task Json_that_two_readers_could_understand_differently_is_refused_with_its_place(string json, string path)
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.PostAsync("/v1/access/tokens", json);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("JSON_REFUSED", body, StringComparison.Ordinal);
        Assert.Contains($"\"path\": \"{path}", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deep_json_is_refused_with_the_limit()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.PostAsync("/v1/access/tokens", new string('[', 33) + new string(']', 33));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("nested deeper than 32 levels", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-16")]
    public async Task A_body_in_another_form_is_refused(string type)
    {
        await using var door = await TestDoor.StartAsync();
        var content = new ByteArrayContent("{}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("content-type", type);

        var (response, body) = await door.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/access/tokens") { Content = content });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("content-type", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Json_above_a_megabyte_is_refused_whether_it_says_so_or_not(bool chunked)
    {
        await using var door = await TestDoor.StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/access/tokens")
        {
            Content = new StringContent($$"""{"note":"{{new string('x', 1024 * 1024)}}"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = chunked;

        // Asks before it sends much: a door that refuses a large body closes it.
        request.Headers.ExpectContinue = !chunked;

        var (response, body) = await door.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("limit_bytes", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chunked_body_within_the_limit_arrives_whole()
    {
        await using var door = await TestDoor.StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/access/tokens")
        {
            Content = new StringContent($$"""{"principal":"ada","note":"{{new string('x', 500_000)}}"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = true;

        var (response, body) = await door.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("500000", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grpc_message_above_four_megabytes_is_refused()
    {
        await using var door = await TestDoor.StartAsync();
        var access = new Policy.V1.AccessService.AccessServiceClient(door.Grpc);

        var answer = await access.CreateTokenAsync(new() { Principal = "ada", Note = new string('x', 3_900_000) }, door.Bearer);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await access.CreateTokenAsync(new() { Principal = "ada", Note = new string('x', 4_500_000) }, door.Bearer));

        Assert.Equal("3900000", answer.TokenId);
        Assert.Equal(Reason.PayloadTooLarge, RpcFailure.Read(refused).Reason);
    }

    [Fact]
    public async Task A_body_that_trickles_is_given_up()
    {
        await using var door = await TestDoor.StartAsync("--body-timeout", "200ms");
        using var slow = await DripAsync(door, DeliveryHead(DateTimeOffset.UtcNow.ToUnixTimeSeconds()));

        using var reader = new StreamReader(slow.GetStream());
        Assert.StartsWith("HTTP/1.1 408", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_calls_too_often_is_told_when_to_come_back()
    {
        await using var door = await TestDoor.StartAsync("--principal-rate", "1");
        var statuses = new List<HttpStatusCode>();
        HttpResponseMessage? last = null;

        for (var i = 0; i < 4; i++)
        {
            last = (await door.GetAsync("/v1/whoami")).Response;
            statuses.Add(last.StatusCode);
        }

        Assert.Contains(HttpStatusCode.OK, statuses);
        Assert.Contains(HttpStatusCode.TooManyRequests, statuses);
        Assert.True(last!.IsSuccessStatusCode || last.Headers.RetryAfter is not null);
    }

    [Fact]
    public async Task More_calls_at_once_than_allowed_are_turned_away()
    {
        await using var door = await TestDoor.StartAsync("--in-flight", "1");
        var head = $"POST /v1/tenants/acme/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.Token}\r\nContent-Type: application/json";
        using var one = await DripAsync(door, head);
        using var other = await DripAsync(door, head);

        Assert.StartsWith("HTTP/1.1 429", await FirstAnswerAsync(one, other), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
    }

    [Fact]
    public async Task Deliveries_that_dawdle_stand_in_each_others_way_and_not_in_that_of_calls()
    {
        await using var door = await TestDoor.StartAsync("--in-flight", "1", "--unverified-in-flight", "1");
        var head = DeliveryHead(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        using var one = await DripAsync(door, head);
        using var other = await DripAsync(door, head);

        Assert.StartsWith("HTTP/1.1 429", await FirstAnswerAsync(one, other), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
    }

    [Fact]
    public async Task Before_its_body_is_there_nobody_learns_what_is_wrong_with_a_delivery_or_how_its_webhook_is_signed()
    {
        await using var door = await TestDoor.StartAsync("--body-timeout", "200ms");
        door.Recorded.Webhooks[("acme", "forge")] = PlayedWebhook.GitHub("It's a Secret to Everybody");
        using var compressed = await DripAsync(door, "POST /hooks/acme/shop HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip");
        using var unsigned = await DripAsync(door, "POST /hooks/acme/shop HTTP/1.1\r\nHost: x");
        using var stale = await DripAsync(door, DeliveryHead(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 302));
        using var otherwise = await DripAsync(door, "POST /hooks/acme/forge HTTP/1.1\r\nHost: x");
        using var nobody = await DripAsync(door, "POST /hooks/acme/nobody HTTP/1.1\r\nHost: x");

        Assert.Equal("HTTP/1.1 401 Unauthorized", await FirstAnswerAsync(compressed));
        foreach (var sender in (TcpClient[])[unsigned, stale, otherwise, nobody])
        {
            Assert.Equal("HTTP/1.1 408 Request Timeout", await FirstAnswerAsync(sender));
        }
    }

    [Fact]
    public async Task More_streams_of_one_principal_than_allowed_are_turned_away_and_its_other_calls_are_not()
    {
        await using var door = await TestDoor.StartAsync("--principal-streams", "1");
        var bundles = new Orchestrator.V1.BundleService.BundleServiceClient(door.Grpc);
        using var one = bundles.UploadBundle(door.Bearer, cancellationToken: TestContext.Current.CancellationToken);
        using var other = bundles.UploadBundle(door.Bearer, cancellationToken: TestContext.Current.CancellationToken);

        // Neither ends by itself: whoever is answered was refused.
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await await Task.WhenAny(one.ResponseAsync, other.ResponseAsync));

        Assert.Equal((StatusCode.ResourceExhausted, Reason.Overloaded), (refused.StatusCode, RpcFailure.Read(refused).Reason));
        Assert.Equal(HttpStatusCode.OK, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
    }

    // As good as the headers of a delivery are before its body is there.
    private static string DeliveryHead(long time) =>
        $"POST /hooks/acme/shop HTTP/1.1\r\nHost: x\r\nwebhook-id: msg_0\r\nwebhook-timestamp: {time}\r\nwebhook-signature: v1,{Convert.ToBase64String(new byte[32])}";

    private static async Task<string> FirstAnswerAsync(params TcpClient[] senders)
    {
        var answers = senders.Select(sender => new StreamReader(sender.GetStream()).ReadLineAsync(TestContext.Current.CancellationToken).AsTask());
        return await await Task.WhenAny(answers) ?? "";
    }

    // Headers, the first byte of a body, and then nothing.
    private static async Task<TcpClient> DripAsync(TestDoor door, string head)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", door.Http.BaseAddress!.Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{head}\r\nContent-Length: 100\r\n\r\n{{"), TestContext.Current.CancellationToken);
        return socket;
    }
}
