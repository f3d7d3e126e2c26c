using Mesh.Cli.Dev;

namespace Mesh.TestKit;

/// <summary>A RabbitMQ that belongs to one test or class, which may kill and restart it. Dispose it.</summary>
public sealed class OwnRabbit : IAsyncDisposable
{
    private readonly PrivateRabbit server;
    private readonly OpenFolder folder;

    private OwnRabbit(PrivateRabbit server, OpenFolder folder)
    {
        this.server = server;
        this.folder = folder;
    }

    public Uri Url => server.Url;

    public int Pid => server.Pid;

    public static async Task<OwnRabbit> StartAsync()
    {
        var folder = new OpenFolder();
        var ports = FreePorts.Several(3);

        return new(await PrivateRabbit.StartAsync(Path.Combine(folder.Path, "rabbitmq"), new(ports[0], ports[1], ports[2])), folder);
    }

    /// <summary>kill -9: nothing is flushed, no connection is closed properly.</summary>
    public Task KillAsync() => server.KillAsync();

    public Task StartAgainAsync() => server.StartAsync();

    /// <summary>
    /// Waits until the queues of this moment are on disk as such. RabbitMQ writes the register of new ones with a delay, so that one
    /// that is killed in the first moment of a queue's life does not find the queue again.
    /// </summary>
    public async Task RegisteredAsync()
    {
        var now = DateTime.UtcNow;
        await Eventually.Async(() => Directory.EnumerateFiles(folder.Path, "*.dets", SearchOption.AllDirectories)
            .Where(file => file.Contains("/quorum/", StringComparison.Ordinal))
            .All(file => File.GetLastWriteTimeUtc(file) > now));
    }

    /// <summary>Runs <c>rabbitmqctl</c>.</summary>
    public Task<string> ControlAsync(params string[] arguments) => server.ControlAsync(arguments);

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }
}
