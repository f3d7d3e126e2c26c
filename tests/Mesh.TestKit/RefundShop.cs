using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace Mesh.TestKit;

/// <summary>The refund sample's shop in a process of its own: the real system that agents must not reach by themselves.</summary>
public sealed class RefundShop : IAsyncDisposable
{
    private const string Announcement = "shop listening on ";

    private readonly Process process;

    private RefundShop(Process process, Uri address)
    {
        this.process = process;
        Http = new HttpClient { BaseAddress = address };
    }

    public static string CrmToken => "crm-token-6b1f";

    public static string PaymentsToken => "payments-token-9c2e";

    public static string MailToken => "mail-token-17d4";

    public HttpClient Http { get; }

    public Uri Address => Http.BaseAddress!;

    public static async Task<RefundShop> StartAsync(string? file = null, int port = 0)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Shop.dll");
        List<string> arguments = [program, "--port", $"{port}"];
        if (file is not null)
        {
            arguments.AddRange(["--file", file]);
        }

        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            RedirectStandardOutput = true,
        };
        start.Environment["SHOP_CRM_TOKEN"] = CrmToken;
        start.Environment["SHOP_PAYMENTS_TOKEN"] = PaymentsToken;
        start.Environment["SHOP_MAIL_TOKEN"] = MailToken;
        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync() ?? "";
        return line.StartsWith(Announcement, StringComparison.Ordinal)
            ? new RefundShop(process, new Uri(line[Announcement.Length..]))
            : throw new InvalidOperationException($"The shop did not start: {line}");
    }

    /// <summary>Everything that it was asked for.</summary>
    public Task<JsonElement> LogAsync() => Http.GetFromJsonAsync<JsonElement>("/_log");

    /// <summary>Tells it to be slow, to fail or to hang: <c>/_slow</c>, <c>/_fail</c>, <c>/_hang</c>, <c>/_calm</c>.</summary>
    public async Task TellAsync(string path, object wish)
    {
        using var answer = await Http.PostAsJsonAsync(path, wish);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Ends it without a word, as a crash does.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
