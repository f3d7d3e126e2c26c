using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Mesh.Cli.Dev;

/// <summary>A RabbitMQ of our own, from installed programs: loopback only, its own node name and its own epmd, gone when we are gone.</summary>
/// <remarks>An Erlang node registers with the port mapper that it finds, and starts one that outlives it when there is none. So it gets one of ours.</remarks>
internal sealed class PrivateRabbit : IAsyncDisposable
{
    public const string User = "mesh";

    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);

    private readonly string folder;
    private readonly RabbitPorts ports;
    private readonly RabbitPrograms programs;
    private readonly PostgresAccount? account;
    private readonly string password;
    private Process? portMapper;
    private Process? server;

    private PrivateRabbit(string folder, RabbitPorts ports, RabbitPrograms programs)
    {
        this.folder = folder;
        this.ports = ports;
        this.programs = programs;
        account = PostgresAccount.ForThisProcess();
        OpenPlace.Make(folder);
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        account?.Own(folder);
        password = ReadOrMakePassword();
    }

    /// <summary>The server, to be killed by crash tests.</summary>
    public int Pid => server?.Id ?? throw new InvalidOperationException("RabbitMQ is not running.");

    /// <summary>Completes when the server ends, whoever ended it.</summary>
    public Task Exited => server?.WaitForExitAsync() ?? Task.CompletedTask;

    /// <summary>Where it is, with its user and password.</summary>
    public Uri Url => new($"amqp://{User}:{password}@127.0.0.1:{ports.Amqp}/");

    private string Log => Path.Combine(folder, "rabbitmq.log");

    private string Node => $"mesh-{ports.Amqp}@localhost";

    /// <summary>Starts one in the folder, on what the folder has from before.</summary>
    /// <exception cref="PrivateRabbitException">It is not installed, or does not start.</exception>
    public static async Task<PrivateRabbit> StartAsync(string folder, RabbitPorts ports, CancellationToken stop = default)
    {
        var rabbit = new PrivateRabbit(folder, ports, await RabbitPrograms.FindOrInstallAsync(stop));

        try
        {
            await rabbit.StartAsync(stop);
            return rabbit;
        }
        catch
        {
            await rabbit.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again on the same data, after a stop or a crash. The URL stays.</summary>
    public async Task StartAsync(CancellationToken stop = default)
    {
        WriteConfiguration();

        if (portMapper is null or { HasExited: true })
        {
            var mapper = await SpawnAsync("epmd", "-port", ports.PortMapper.ToString(CultureInfo.InvariantCulture), "-address", "127.0.0.1");
            portMapper?.Dispose();
            portMapper = mapper;
        }

        var started = await SpawnAsync(programs.Server);
        server?.Dispose();
        server = started;
        var deadline = Stopwatch.StartNew();

        while (!await AnswersAsync(stop))
        {
            if (server.HasExited || deadline.Elapsed > StartMax)
            {
                var said = (await File.ReadAllTextAsync(Log, stop)).ReplaceLineEndings(" ").Trim();
                throw new PrivateRabbitException(server.HasExited
                    ? $"RabbitMQ did not start: {said[^Math.Min(said.Length, 600)..]}"
                    : $"RabbitMQ did not answer within {StartMax.TotalSeconds:0} s; see {Log}");
            }

            await Task.Delay(50, stop);
        }
    }

    /// <summary>Stops it in order, within about three seconds; what was confirmed is on disk either way.</summary>
    public async Task StopAsync()
    {
        if (server is { HasExited: false })
        {
            Signals.Send(server.Id, Signals.Terminate);
            await Task.WhenAny(server.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(3)));
        }

        await KillAsync();

        if (portMapper is { HasExited: false })
        {
            Signals.Send(portMapper.Id, Signals.Kill);
            await portMapper.WaitForExitAsync();
        }
    }

    /// <summary>Kills it as a power failure would, for crash tests.</summary>
    public async Task KillAsync()
    {
        if (server is { HasExited: false })
        {
            Signals.Send(server.Id, Signals.Kill);
            await server.WaitForExitAsync();
        }
    }

    /// <summary>Runs <c>rabbitmqctl</c> on it.</summary>
    public async Task<string> ControlAsync(params string[] arguments)
    {
        using var control = await SpawnThread.RunAsync(() => Spawn(StartOf([programs.Control, .. arguments])));
        var output = await Task.WhenAll(control.StandardOutput.ReadToEndAsync(), control.StandardError.ReadToEndAsync());
        await control.WaitForExitAsync();

        return control.ExitCode == 0
            ? output[0]
            : throw new PrivateRabbitException($"rabbitmqctl {string.Join(' ', arguments)}: {output[1].ReplaceLineEndings(" ").Trim()}");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        server?.Dispose();
        portMapper?.Dispose();
    }

    private string ReadOrMakePassword()
    {
        var file = Path.Combine(folder, "password");

        if (!File.Exists(file))
        {
            WriteSecret(file, RandomNumberGenerator.GetHexString(48, lowercase: true));
        }

        return File.ReadAllText(file).Trim();
    }

    private void WriteConfiguration()
    {
        WriteSecret(Path.Combine(folder, "rabbitmq.conf"), $"""
            listeners.tcp.1 = 127.0.0.1:{ports.Amqp}
            default_user = {User}
            default_pass = {password}
            log.console = false
            log.file = {Log}
            log.file.level = warning
            disk_free_limit.absolute = 50MB
            vm_memory_high_watermark.absolute = 256MB

            """);
        WriteSecret(Path.Combine(folder, "enabled_plugins"), "[].\n");
    }

    private void WriteSecret(string path, string text)
    {
        File.Delete(path);
        using (var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(Encoding.ASCII.GetBytes(text));
        }

        account?.Own(path);
    }

    // It accepts connections last of all, and then says first who it is: a method frame, whose first byte is 1.
    private async Task<bool> AnswersAsync(CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(TimeSpan.FromSeconds(2));

        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, ports.Amqp), patience.Token);
            await socket.GetStream().WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), patience.Token);
            var first = new byte[1];

            return await socket.GetStream().ReadAsync(first, patience.Token) == 1 && first[0] == 1;
        }
        catch (Exception error) when (error is SocketException or IOException || (error is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }

    private Task<Process> SpawnAsync(params string[] command) => SpawnThread.RunAsync(() =>
        // The shell opens the log and hands it on, so that no pipe has to be drained and none can break.
        Spawn(StartOf(["/bin/sh", "-c", $"exec \"$@\" </dev/null >>'{Log}' 2>&1", "sh", .. command])));

    private static Process Spawn(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new PrivateRabbitException($"{start.FileName} cannot be started: {error.Message}");
        }
    }

    private ProcessStartInfo StartOf(IReadOnlyList<string> command)
    {
        if (!File.Exists("/usr/bin/setpriv"))
        {
            throw new PrivateRabbitException("/usr/bin/setpriv (util-linux) is missing, without which RabbitMQ could outlive this mesh.");
        }

        // A session of its own: Ctrl-C in the terminal reaches us, and we stop it last.
        List<string> line = ["/usr/bin/setsid", "/usr/bin/setpriv"];

        if (account is not null)
        {
            line.AddRange([$"--reuid={account.User}", $"--regid={account.Group}", "--clear-groups"]);
        }

        line.AddRange(["--pdeathsig=KILL", "--", .. command]);
        var start = new ProcessStartInfo(line[0], line[1..]) { WorkingDirectory = folder, RedirectStandardOutput = command[0] == programs.Control, RedirectStandardError = command[0] == programs.Control };
        start.Environment.Clear();
        var environment = start.Environment;
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        environment["LC_ALL"] = "C.UTF-8";
        environment["HOME"] = folder;
        environment["ERL_EPMD_PORT"] = ports.PortMapper.ToString(CultureInfo.InvariantCulture);
        environment["ERL_EPMD_ADDRESS"] = "127.0.0.1";
        environment["RABBITMQ_NODENAME"] = Node;
        environment["RABBITMQ_DIST_PORT"] = ports.Distribution.ToString(CultureInfo.InvariantCulture);
        environment["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf");
        environment["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "enabled_plugins");
        environment["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "data");
        environment["RABBITMQ_LOG_BASE"] = folder;
        environment["RABBITMQ_PID_FILE"] = Path.Combine(folder, "pid");

        // The distribution's own settings are for the distribution's own server.
        environment["RABBITMQ_CONF_ENV_FILE"] = "/dev/null";
        environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
            "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none";

        // The server's script becomes the server, instead of waiting beside it.
        environment["RUNNING_UNDER_SYSTEMD"] = "true";

        return start;
    }
}

/// <summary>The ports of a private RabbitMQ, all on loopback.</summary>
/// <param name="Amqp">For clients.</param>
/// <param name="Distribution">Of the Erlang node.</param>
/// <param name="PortMapper">Of its epmd.</param>
internal sealed record RabbitPorts(int Amqp, int Distribution, int PortMapper);

/// <summary>RabbitMQ is not there or does not start; the message says what to do.</summary>
internal sealed class PrivateRabbitException(string message) : Exception(message);
