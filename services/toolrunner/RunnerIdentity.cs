using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Mesh.Toolrunner;

/// <summary>Which process this is, and where it can be asked. The certificate names only the pool.</summary>
internal sealed class RunnerIdentity(RunnerOptions options, MeshServiceOptions mesh, IServer server)
{
    private string? found;

    /// <summary>Unique for ever: another process at the same address does not know this one's calls.</summary>
    public string Instance { get; } = Guid.CreateVersion7().ToString("D");

    /// <summary>Known once the listener is bound and, where that is on every address, the orchestrator's name is known.</summary>
    /// <exception cref="RpcException">The orchestrator cannot be found: nothing can be asked of it either.</exception>
    public string Address => options.Advertise?.ToString() ?? (found ??= Find());

    private string Find()
    {
        var bound = mesh.Listen.Port > 0 ? mesh.Listen : IPEndPoint.Parse(BoundAddress());
        return IPAddress.Any.Equals(bound.Address) || IPAddress.IPv6Any.Equals(bound.Address)
            ? new IPEndPoint(AddressTowards(mesh.PeerOrchestrator!), bound.Port).ToString()
            : bound.ToString();
    }

    private string BoundAddress() =>
        server.Features.Get<IServerAddressesFeature>()?.Addresses
            .Where(address => address.StartsWith("https://", StringComparison.Ordinal))
            .Select(address => new Uri(address).Authority)
            .FirstOrDefault()
        ?? throw new InvalidOperationException("The listener is not bound yet.");

    // A container has an address in each of its networks, and the orchestrator is in one of them. The system says by which it would send.
    private static IPAddress AddressTowards(string peer)
    {
        var first = peer.Replace("dns:///", "", StringComparison.Ordinal).Split(',')[0].Trim();
        var colon = first.LastIndexOf(':');

        try
        {
            // Connecting a datagram socket sends nothing.
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(first[..colon].Trim('[', ']'), int.Parse(first.AsSpan(colon + 1), CultureInfo.InvariantCulture));
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        }
        catch (SocketException unknown)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, $"The orchestrator's address is not known: {unknown.Message}"));
        }
    }
}
