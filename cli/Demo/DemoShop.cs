using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;

namespace Mesh.Cli.Demo;

/// <summary>The sample's shop on a free port: the real system, which writes down everything that it was asked for.</summary>
internal sealed class DemoShop : IAsyncDisposable
{
    private const string Announcement = "shop listening on ";

    private readonly Process process;
    private readonly HttpClient http;

    private DemoShop(Process process, Uri address, IReadOnlyDictionary<string, string> tokens)
    {
        this.process = process;
        Tokens = tokens;
        http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(10) };
    }

    public Uri Address => http.BaseAddress!;

    /// <summary>What each of its areas (crm, payments, mail) wants as a bearer token; new at every start.</summary>
    public IReadOnlyDictionary<string, string> Tokens { get; }

    public static async Task<DemoShop> StartAsync(Sample sample, CancellationToken stop)
    {
        var tokens = ((string[])["crm", "payments", "mail"]).ToDictionary(area => area, _ => RandomNumberGenerator.GetHexString(32, lowercase: true));
        var process = await Child.StartAsync(
            sample.Shop,
            ["--port", "0"],
            tokens.ToDictionary(area => $"SHOP_{area.Key.ToUpperInvariant()}_TOKEN", area => area.Value));
        var line = await process.StandardOutput.ReadLineAsync(stop) ?? "";
        return line.StartsWith(Announcement, StringComparison.Ordinal)
            ? new DemoShop(process, new Uri(line[Announcement.Length..]), tokens)
            : throw new ProblemException(Problem.Here("DEMO_FAILED", $"The shop did not start: {line}", ExitCodes.Error));
    }

    /// <summary>Makes the next mail take so long.</summary>
    public async Task BeSlowWithMailAsync(TimeSpan before, CancellationToken stop)
    {
        using var answer = await http.PostAsJsonAsync(
            "/_slow", new JsonObject { ["path"] = "/v1/mails", ["beforeMs"] = (int)before.TotalMilliseconds }, stop);
        answer.EnsureSuccessStatusCode();
    }

    public async Task<ShopBook> ReadAsync(CancellationToken stop) => new(await http.GetFromJsonAsync<JsonNode>("/_log", stop)
        ?? throw new ProblemException(Problem.Here("DEMO_FAILED", "The shop shows no book.", ExitCodes.Error)));

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        Signals.Send(process.Id, Signals.Kill);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
