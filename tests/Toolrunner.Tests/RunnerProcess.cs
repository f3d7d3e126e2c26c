using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Toolrunner.Tests;

/// <summary>A real tool runner in a process of its own, between stands for the vault and the orchestrator.</summary>
public sealed class RunnerProcess : IAsyncLifetime
{
    private readonly TestKeys keys = TestKeys.Create();
    private readonly int port = FreePorts.One();
    private readonly ConcurrentQueue<string> log = new();
    private Peer? vault;
    private Peer? orchestrator;
    private Process? process;

    internal VaultStand Vault { get; } = new();

    internal WorkStand Work { get; } = new();

    internal V1.RunnerService.RunnerServiceClient Client { get; private set; } = null!;

    // In the open: agents run as other users.
    internal string Data { get; } = $"/tmp/mesh-runner-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>How long it finishes what is in flight when it is told to stop.</summary>
    internal string Drain { get; init; } = "3s";

    internal int Pid => process!.Id;

    internal string Log => string.Join('\n', log);

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Data);
        vault = await Peer.StartAsync(keys, "vault", builder => builder.Services.AddSingleton(Vault), app => app.MapGrpcService<VaultStand>());
        orchestrator = await Peer.StartAsync(
            keys,
            "orchestrator",
            builder =>
            {
                builder.AddPeer<V1.RunnerService.RunnerServiceClient>("toolrunner", how => how.Deadline = TimeSpan.FromMinutes(1));
                builder.Services.AddSingleton(Work);
            },
            app =>
            {
                app.MapGrpcService<WorkStand.Assigning>();
                app.MapGrpcService<WorkStand.Working>();
            },
            "--peer-toolrunner",
            Local(port));
        Client = orchestrator.Services.GetRequiredService<V1.RunnerService.RunnerServiceClient>();
        Start();
        await Eventually.Async(IsReadyAsync, TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            process.StandardInput.Close();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));

            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        process?.Dispose();
        await orchestrator!.DisposeAsync();
        await vault!.DisposeAsync();
        keys.Dispose();
        Directory.Delete(Data, recursive: true);
    }

    internal void Kill() => process!.Kill();

    /// <summary>Tells it to stop, as a launcher does.</summary>
    internal void Stop() => process!.StandardInput.Close();

    internal async Task<int> ExitCodeAsync(CancellationToken stop)
    {
        await process!.WaitForExitAsync(stop);

        return process.ExitCode;
    }

    private static string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");

    private void Start()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            typeof(RunFlow).Assembly.Location,
            "--listen", Local(port), "--health", "127.0.0.1:0", "--linger", "0s", "--drain", Drain, "--keys", keys.Of("toolrunner"), "--domain", TestKeys.Domain,
            "--peer-vault", Local(vault!.Port), "--peer-orchestrator", Local(orchestrator!.Port), "--stop-on-stdin-eof", "true",
            "--runner-data", Data, "--agents-file", Path.Combine(Data, "agents.json"), "--agent-logs", Path.Combine(Data, "logs"), "--log-level", "debug",
        ];

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // A secret of the runner's own, which no agent may find.
        start.Environment["MESH_TEST_RUNNER_SECRET"] = "runner-secret-in-environment";
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private async Task<bool> IsReadyAsync()
    {
        Assert.False(process!.HasExited, Log);

        try
        {
            await Client.AskCallAsync(new V1.AskCallRequest { ActionDigest = Google.Protobuf.ByteString.CopyFrom(new byte[32]) }, deadline: DateTime.UtcNow.AddSeconds(5));
            return true;
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }
}
