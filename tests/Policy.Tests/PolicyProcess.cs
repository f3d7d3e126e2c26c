using System.Diagnostics;
using System.Globalization;
using Mesh.TestKit;

namespace Mesh.Policy.Tests;

/// <summary>One process of the service, which a test may kill.</summary>
internal sealed class PolicyProcess(int port, int health, Dictionary<string, string> environment) : IAsyncDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private Process? process;

    public int Port => port;

    public async Task StartAsync()
    {
        // The end of its standard input ends it, so that it cannot outlive the tests.
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardError = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Mesh.Policy.dll"));

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["MESH_LISTEN"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        start.Environment["MESH_HEALTH"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{health}");
        start.Environment["MESH_STOP_ON_STDIN_EOF"] = "true";
        process = Process.Start(start)!;

        await Eventually.Async(IsReadyAsync, TimeSpan.FromSeconds(60));
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        process!.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
    }

    public async Task<string> MetricsAsync() => await Http.GetStringAsync($"http://127.0.0.1:{health}/metrics");

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            await KillAsync();
        }
    }

    private async Task<bool> IsReadyAsync()
    {
        if (process!.HasExited)
        {
            throw new InvalidOperationException($"The service ended with {process.ExitCode} instead of becoming ready.");
        }

        try
        {
            return (await Http.GetAsync($"http://127.0.0.1:{health}/readyz")).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
