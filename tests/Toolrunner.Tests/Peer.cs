using System.Globalization;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;

namespace Mesh.Toolrunner.Tests;

/// <summary>A service that stands where another one would, with its real certificate and the real caller table.</summary>
internal sealed class Peer : IAsyncDisposable
{
    private readonly WebApplication app;

    private Peer(WebApplication app, int port) => (this.app, Port) = (app, port);

    public int Port { get; }

    public IServiceProvider Services => app.Services;

    public static async Task<Peer> StartAsync(TestKeys keys, string service, Action<WebApplicationBuilder> build, Action<WebApplication> map, params string[] more)
    {
        var port = FreePorts.One();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.AddMeshService(service,
        [
            "--listen", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--health", "127.0.0.1:0", "--linger", "0s",
            "--keys", keys.Of(service), "--domain", TestKeys.Domain, "--log-level", "error", .. more,
        ]);
        build(builder);
        var app = builder.Build();
        app.MapMeshService();
        map(app);
        await app.StartAsync();
        return new Peer(app, port);
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}
