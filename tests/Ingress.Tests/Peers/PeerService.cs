using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Ingress.Tests.Peers;

/// <summary>A service with the identity of a real one, that answers what a test wants to hear.</summary>
internal sealed class PeerService : IAsyncDisposable
{
    private readonly WebApplication app;

    private PeerService(WebApplication app) => this.app = app;

    public string Address => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
        .Select(address => new Uri(address))
        .Single(address => address.Scheme == "https")
        .Authority;

    public static async Task<PeerService> StartAsync(string service, TestKeys keys, Recorded recorded, Action<WebApplication> map, string listen = "127.0.0.1:0")
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.AddMeshService(service, ["--listen", listen, "--health", "127.0.0.1:0", "--linger", "0s", "--keys", keys.Of(service), "--domain", TestKeys.Domain, "--log-level", "critical"]);
        builder.Services.AddSingleton(recorded);

        var app = builder.Build();
        app.MapMeshService();
        map(app);
        await app.StartAsync();
        return new PeerService(app);
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
    }
}
