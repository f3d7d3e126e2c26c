using Mesh.ServiceHost;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Mesh.Toolrunner;

/// <summary>Which process this is, and where it can be asked. The certificate names only the pool.</summary>
internal sealed class RunnerIdentity(RunnerOptions options, MeshServiceOptions mesh, IServer server)
{
    /// <summary>Unique for ever: another process at the same address does not know this one's calls.</summary>
    public string Instance { get; } = Guid.CreateVersion7().ToString("D");

    /// <summary>Known once the listener is bound.</summary>
    public string Address => (options.Advertise ?? mesh.Listen) is { Port: > 0 } known ? known.ToString() : BoundAddress();

    private string BoundAddress() =>
        server.Features.Get<IServerAddressesFeature>()?.Addresses
            .Where(address => address.StartsWith("https://", StringComparison.Ordinal))
            .Select(address => new Uri(address).Authority)
            .FirstOrDefault()
        ?? throw new InvalidOperationException("The listener is not bound yet.");
}
