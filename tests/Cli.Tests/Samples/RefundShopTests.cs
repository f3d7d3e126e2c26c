using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Mesh.TestKit;

namespace Cli.Tests.Samples;

public sealed class RefundShopTests
{
    private const string Refund = """{"order": "1001", "amount_minor": 1200, "currency": "EUR"}""";
    private const string Mail = """{"to": "ada@example.com", "subject": "Your refund", "text": "It is on its way."}""";

    [Fact]
    public async Task A_refund_is_made_once_per_key_and_a_key_belongs_to_one_body()
    {
        await using var shop = await RefundShop.StartAsync();

        using var first = await SendAsync(shop, "/v1/refunds", Refund, "k", RefundShop.PaymentsToken);
        using var again = await SendAsync(shop, "/v1/refunds", Refund, "k", RefundShop.PaymentsToken);
        using var other = await SendAsync(shop, "/v1/refunds", Refund.Replace("1200", "1300", StringComparison.Ordinal), "k", RefundShop.PaymentsToken);

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(await TextAsync(first), await TextAsync(again));
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        Assert.Equal(1, (await shop.LogAsync()).GetProperty("refunds").GetArrayLength());
    }

    [Fact]
    public async Task Each_area_has_a_token_of_its_own_and_the_log_says_who_had_it_but_never_shows_one()
    {
        await using var shop = await RefundShop.StartAsync();

        using var wrong = await SendAsync(shop, "/v1/refunds", Refund, null, RefundShop.MailToken);
        using var right = await SendAsync(shop, "/v1/mails", Mail, null, RefundShop.MailToken);
        var log = await shop.LogAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Equal([false, true], log.GetProperty("requests").EnumerateArray().Select(request => request.GetProperty("authorized").GetBoolean()));
        Assert.DoesNotContain("token", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_keeps_what_was_done_and_under_which_key()
    {
        using var folder = new OpenFolder();
        var file = Path.Combine(folder.Path, "shop.jsonl");
        string before;
        await using (var shop = await RefundShop.StartAsync(file))
        {
            using var made = await SendAsync(shop, "/v1/refunds", Refund, "k", RefundShop.PaymentsToken);
            before = await TextAsync(made);
        }

        await using var restarted = await RefundShop.StartAsync(file);
        using var again = await SendAsync(restarted, "/v1/refunds", Refund, "k", RefundShop.PaymentsToken);

        Assert.Equal(before, await TextAsync(again));
        Assert.Equal(1, (await restarted.LogAsync()).GetProperty("refunds").GetArrayLength());
    }

    [Fact]
    public async Task It_can_fail_after_it_mailed_and_hang_before_it_mails()
    {
        await using var shop = await RefundShop.StartAsync();
        await shop.TellAsync("/_fail", new { path = "/v1/mails", when = "after" });
        await shop.TellAsync("/_hang", new { path = "/v1/mails", when = "before" });

        using var failed = await SendAsync(shop, "/v1/mails", Mail, "a", RefundShop.MailToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync(shop, "/v1/mails", Mail, "b", RefundShop.MailToken, TimeSpan.FromMilliseconds(300)));

        Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
        var mail = Assert.Single((await shop.LogAsync()).GetProperty("mails").EnumerateArray());
        Assert.Equal("a", mail.GetProperty("idempotency_key").GetString());
    }

    [Fact]
    public async Task It_is_slow_once_and_still_mails_when_the_caller_gave_up()
    {
        await using var shop = await RefundShop.StartAsync();
        await shop.TellAsync("/_slow", new { path = "/v1/mails", beforeMs = 400 });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync(shop, "/v1/mails", Mail, "a", RefundShop.MailToken, TimeSpan.FromMilliseconds(100)));

        await Eventually.Async(async () => (await shop.LogAsync()).GetProperty("mails").GetArrayLength() == 1);
        var clock = Stopwatch.StartNew();
        using var next = await SendAsync(shop, "/v1/mails", Mail, "b", RefundShop.MailToken);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromMilliseconds(390));
    }

    [Theory]
    [InlineData("base64", "c2Vrcml0")]
    [InlineData("hex", "73656b726974")]
    [InlineData("url", "sekrit")]
    public async Task Echo_gives_the_credential_back_in_disguise(string form, string disguised)
    {
        await using var shop = await RefundShop.StartAsync();

        using var answer = await SendAsync(shop, $"/echo?encode={form}", "{}", null, "sekrit");

        var json = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal(disguised, json.GetProperty("credential").GetString());
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_line_and_an_exit_code()
    {
        await using var first = await RefundShop.StartAsync();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Shop.dll"), "--port", $"{first.Address.Port}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["SHOP_CRM_TOKEN"] = "a", ["SHOP_PAYMENTS_TOKEN"] = "b", ["SHOP_MAIL_TOKEN"] = "c" },
        };

        using var second = Process.Start(start)!;
        var (output, errors) = (second.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), second.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await second.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, second.ExitCode);
        Assert.Empty(await output);
        Assert.Matches($@"\Ashop: [^\n]*{first.Address.Port}[^\n]*\n\z", await errors);
    }

    private static async Task<HttpResponseMessage> SendAsync(
        RefundShop shop, string path, string body, string? key, string token, TimeSpan? patience = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new("Bearer", token);
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        if (patience is { } most)
        {
            stop.CancelAfter(most);
        }

        return await shop.Http.SendAsync(request, stop.Token);
    }

    private static Task<string> TextAsync(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
