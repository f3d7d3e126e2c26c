using System.Diagnostics;
using System.Globalization;
using Mesh.Cli.Dev;

namespace Mesh.TestKit;

/// <summary>A private server from the installed package.</summary>
internal sealed class RabbitFromPackage : OwnRabbit
{
    private readonly PrivateRabbit server;
    private readonly OpenFolder folder;

    private RabbitFromPackage(PrivateRabbit server, OpenFolder folder)
    {
        this.server = server;
        this.folder = folder;
    }

    public override Uri Url => server.Url;

    public static new async Task<OwnRabbit> StartAsync()
    {
        var folder = new OpenFolder();
        var ports = FreePorts.Several(3);

        return new RabbitFromPackage(await PrivateRabbit.StartAsync(Path.Combine(folder.Path, "rabbitmq"), new(ports[0], ports[1], ports[2])), folder);
    }

    public override Task KillAsync() => server.KillAsync();

    public override Task StartAgainAsync() => server.StartAsync();

    public override Task FreezeAsync() => SignalAsync("-STOP");

    public override Task ThawAsync() => SignalAsync("-CONT");

    public override async Task RegisteredAsync()
    {
        var now = DateTime.UtcNow;
        await Eventually.Async(() => Directory.EnumerateFiles(folder.Path, "*.dets", SearchOption.AllDirectories)
            .Where(file => file.Contains("/quorum/", StringComparison.Ordinal))
            .All(file => File.GetLastWriteTimeUtc(file) > now));
    }

    public override Task<string> ControlAsync(params string[] arguments) => server.ControlAsync(arguments);

    public override async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("/bin/kill", [signal, server.Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
