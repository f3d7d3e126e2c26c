using System.Diagnostics;
using System.Runtime.InteropServices;
using Mesh.Cli.Output;
using Npgsql;

namespace Mesh.Cli.Dev;

/// <summary>Starts a whole mesh, keeps it running until it is told to stop, and leaves nothing behind.</summary>
internal sealed class DevNode : IAsyncDisposable
{
    // Together under the 5 s that a stop may take; PostgreSQL and a broker go last and need at most 3 of them.
    private static readonly TimeSpan[] StopWaves = [TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(700), TimeSpan.FromMilliseconds(500)];

    private static readonly TimeSpan ServerPauseMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ServerPauseMax = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RunFilePause = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan SweepWithin = TimeSpan.FromSeconds(2);

    private readonly DevSettings settings;
    private readonly DataFolder data;
    private readonly Terminal terminal;
    private readonly PortBlock ports;
    private readonly NodeKeys keys;
    private readonly PrivatePostgres postgres;
    private readonly PrivateRabbit? broker;
    private readonly RunningAgents agents;
    private readonly List<SupervisedService> services = [];
    private readonly Lock runFileGate = new();
    private bool isReady;
    private Task? runFileRetry;

    private DevNode(DevSettings settings, Terminal terminal, PortBlock ports, NodeKeys keys, PrivatePostgres postgres, PrivateRabbit? broker)
    {
        this.settings = settings;
        data = settings.Data;
        this.terminal = terminal;
        this.ports = ports;
        this.keys = keys;
        this.postgres = postgres;
        this.broker = broker;
        agents = new RunningAgents(data.Run, WriteRunFile);
    }

    public static async Task<int> RunAsync(DevSettings settings, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var terminal = new Terminal(Console.Out, Console.Error, settings.Verbose);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            stopping.Cancel();
        });
        using var claim = await settings.Data.ClaimAsync(settings.Fresh, settings.Scale.GetValueOrDefault("toolrunner", 1));
        using var ports = PortBlock.Reserve(settings.Port, Replica.All(settings.Scale));
        try
        {
            var making = Task.Run(() => NodeKeys.Open(settings.Data, TimeProvider.System), CancellationToken.None);
            var starting = PrivatePostgres.StartAsync(settings.Data.Postgres, stop: stopping.Token);
            var connecting = StartBrokerAsync(settings, ports, stopping.Token);
            await Task.WhenAll(making, starting, connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await using var broker = connecting.IsCompletedSuccessfully ? await connecting : null;
            await using var postgres = await starting;
            await connecting;
            using var keys = await making;
            terminal.Detail($"{clock.Elapsed.TotalSeconds:0.00} s: keys and PostgreSQL are there");

            WarnOfAgents(settings.Data, terminal);
            await using var node = new DevNode(settings, terminal, ports, keys, postgres, broker);
            settings.Data.KeepTo(settings.Bus);
            await node.StartAsync(stopping.Token);
            terminal.Detail($"{clock.Elapsed.TotalSeconds:0.00} s: every service is ready");
            node.Announce(clock.Elapsed);
            await node.KeepAsync(stopping.Token);
        }
        catch (PrivatePostgresException error)
        {
            throw new ProblemException(Problem.Here("POSTGRES_FAILED", error.Message, ExitCodes.Error));
        }
        catch (PrivateRabbitException error)
        {
            throw new ProblemException(Problem.Here("RABBITMQ_FAILED", error.Message, ExitCodes.Error));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop while it started.
        }

        return ExitCodes.Done;
    }

    private static async Task<PrivateRabbit?> StartBrokerAsync(DevSettings settings, PortBlock ports, CancellationToken stop) =>
        settings.Bus == Buses.Rabbitmq ? await PrivateRabbit.StartAsync(settings.Data.Rabbit, ports.Broker, stop) : null;

    private static void WarnOfAgents(DataFolder data, Terminal terminal)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            terminal.Warn($"agents run as your own user here, so they could read the keys in {data.Keys} and the token in run.json; with sudo, each gets a user of its own");
        }
        else if (!OpenPlace.IsReachable(Child.Dotnet))
        {
            terminal.Warn($"agents that need dotnet cannot start, because other users cannot get to {Child.Dotnet}: install .NET in an open place such as /usr/share/dotnet");
        }
    }

    public async ValueTask DisposeAsync()
    {
        agents.Dispose();
        isReady = false;
        File.Delete(data.RunFile);

        // The door first, then those who act, then those whom they ask.
        var waves = services.GroupBy(one => one.Replica.Service.Name switch { "ingress" => 0, "orchestrator" or "toolrunner" => 1, _ => 2 });
        var swept = Task.CompletedTask;
        foreach (var wave in waves.OrderBy(wave => wave.Key))
        {
            await Task.WhenAll(wave.Select(one => one.StopAsync(StopWaves[wave.Key])));
            if (wave.Any(one => one.Replica.Service.Name == "toolrunner"))
            {
                swept = SweepAsync();
            }
        }

        await swept;
        services.ForEach(one => one.Dispose());
        await Task.WhenAll(postgres.StopAsync(), broker?.StopAsync() ?? Task.CompletedTask);
    }

    private async Task StartAsync(CancellationToken stop)
    {
        var stores = new Stores(data);
        if (broker is not null)
        {
            stores.WriteBroker(broker.Url);
        }

        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var all = Replica.All(settings.Scale);
        services.AddRange(all.Select(replica => new SupervisedService(
            replica,
            ServiceEnvironment.Of(replica, all, data, ports, stores, settings.Bus),
            new Uri($"http://127.0.0.1:{ports.HealthOf(replica)}/readyz"),
            new ServiceLog(Path.Combine(data.Logs, $"{replica.Name}.log")),
            terminal,
            WriteRunFile)));

        List<Task> starts = [GuardAsync(() => stores.MigrateAsync(postgres, terminal, failed.Token)), .. services.Select(one => GuardAsync(() => StartAsync(one)))];
        try
        {
            await Task.WhenAll(starts);
        }
        catch when (starts.FirstOrDefault(start => start is { IsFaulted: true }) is { } first)
        {
            // The one that failed first is the reason; the others were only told to give up.
            await first;
            throw;
        }

        async Task StartAsync(SupervisedService one)
        {
            if (one.Replica.Service.HasStore)
            {
                await stores.CurrentAsync(one.Replica.Service, failed.Token);
            }

            await one.StartAsync(http, failed.Token);
        }

        async Task GuardAsync(Func<Task> start)
        {
            try
            {
                await start();
            }
            catch
            {
                await failed.CancelAsync();
                throw;
            }
        }
    }

    private void Announce(TimeSpan took)
    {
        isReady = true;
        WriteRunFile();
        terminal.Say("ready");
        if (settings.Headless)
        {
            return;
        }

        terminal.Say($"""

              API      http://127.0.0.1:{ports.Http}  (gRPC http://127.0.0.1:{ports.Grpc})
              data     {data.Path}  (logs in logs/, connection and token in run.json)
              started  in {took.TotalSeconds:0.0} s; Ctrl-C stops it
            """);
    }

    private async Task KeepAsync(CancellationToken stop)
    {
        var renewal = keys.RenewAsync(terminal, stop);
        await Task.WhenAll(
            KeepAsync("PostgreSQL", () => postgres.Exited, () => postgres.StartAsync(stop), postgres.StopAsync, stop),
            broker is null ? Task.CompletedTask : KeepAsync("RabbitMQ", () => broker.Exited, () => broker.StartAsync(stop), broker.StopAsync, stop));
        await renewal;
    }

    private async Task KeepAsync(string server, Func<Task> exited, Func<Task> startAsync, Func<Task> stopAsync, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await exited().WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested)
            {
                terminal.Warn($"{server} ended; it is started again");
                await StartAgainAsync(startAsync, stopAsync, stop);
                WriteRunFile();
            }
        }
    }

    // The services wait for it, so that nothing is gained by giving up: a full disk may have room again.
    private async Task StartAgainAsync(Func<Task> startAsync, Func<Task> stopAsync, CancellationToken stop)
    {
        for (var pause = ServerPauseMin; ; pause = pause * 2 < ServerPauseMax ? pause * 2 : ServerPauseMax)
        {
            try
            {
                await startAsync();
                return;
            }
            catch (Exception error) when (error is PrivatePostgresException or PrivateRabbitException or NpgsqlException or IOException or UnauthorizedAccessException)
            {
                terminal.Warn($"{error.Message} The next try is in {pause.TotalSeconds:0.0} s");
                await stopAsync();
                await Task.Delay(pause, stop);
            }
        }
    }

    // The kernel ends an agent with its runner, but not what the agent started in a session of its own.
    private Task SweepAsync() => Task.WhenAll(data.Runners
        .Where(runner => DataFolder.ScratchOf(runner) is var scratch && Directory.Exists(scratch) && Directory.EnumerateDirectories(scratch).Any())
        .Select(SweepAsync));

    private static async Task SweepAsync(string runner)
    {
        using var sweep = await Child.StartAsync("Mesh.Toolrunner.dll", ["sweep", runner], new Dictionary<string, string>());
        await Task.WhenAny(sweep.WaitForExitAsync(), Task.Delay(SweepWithin));
        if (!sweep.HasExited)
        {
            Signals.Send(sweep.Id, Signals.Kill);
        }
    }

    private void WriteRunFile()
    {
        lock (runFileGate)
        {
            if (!isReady)
            {
                return;
            }

            var run = new RunFile(
                $"http://127.0.0.1:{ports.Http}",
                $"http://127.0.0.1:{ports.Grpc}",
                keys.BootstrapToken,
                postgres.LibpqConnection(),
                settings.Bus,
                services.Where(one => one.Pid is not null).ToDictionary(one => one.Replica.Name, one => one.Pid!.Value),
                Environment.ProcessId,
                postgres.Pid,
                broker?.Pid,
                agents.Read());

            try
            {
                run.Write(data.RunFile);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                terminal.Warn($"run.json could not be written and is tried again in {RunFilePause.TotalSeconds:0} s: {error.Message}");
                runFileRetry ??= RetryRunFileAsync();
            }
        }
    }

    private async Task RetryRunFileAsync()
    {
        await Task.Delay(RunFilePause);
        lock (runFileGate)
        {
            runFileRetry = null;
            WriteRunFile();
        }
    }
}
