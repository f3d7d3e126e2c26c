using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Manifests;

namespace Mesh.Toolrunner.Egress;

/// <summary>Asks for the addresses of a name.</summary>
internal delegate Task<IPAddress[]> ResolveName(string host, CancellationToken stop);

/// <summary>Opens connections to the hosts of one integration, and to nothing else.</summary>
/// <remarks>Every address of a name is checked, and the connection goes to a checked address: a second answer of the name server changes nothing.</remarks>
internal sealed class EgressGate(IReadOnlyList<string> egress, IReadOnlySet<string> privateHosts, ResolveName resolve)
{
    public async Task<Stream> ConnectAsync(DnsEndPoint target, bool isEncrypted, CancellationToken stop)
    {
        var entry = EntryOf(target);

        if (!egress.Contains(entry))
        {
            throw new EgressDeniedException($"{entry} is not among the integration's egress hosts.");
        }

        var addresses = await AddressesAsync(target.Host, stop);

        foreach (var address in addresses)
        {
            Check(entry, target.Host, address, isEncrypted);
        }

        return await ConnectAsync(addresses, target.Port, stop);
    }

    private static string EntryOf(DnsEndPoint target)
    {
        var host = target.Host.Trim('[', ']');
        return string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{target.Port}");
    }

    private async Task<IPAddress[]> AddressesAsync(string host, CancellationToken stop)
    {
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await resolve(host, stop);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.HostNotFound);
    }

    private void Check(string entry, string host, IPAddress address, bool isEncrypted)
    {
        var isLiteral = IPAddress.TryParse(host.Trim('[', ']'), out _);

        var isAllowed = AddressRule.KindOf(address) switch
        {
            // The secret would cross the open network in clear.
            AddressKind.Public => isEncrypted ? true : throw new EgressDeniedException($"{entry} is on the open network and wants no TLS: use https."),

            // Whoever wrote the address meant it. A name is somebody else's word, save for the one that means this machine.
            AddressKind.Loopback => isLiteral || host == "localhost" || privateHosts.Contains(entry),
            AddressKind.Private => isLiteral || privateHosts.Contains(entry),
            _ => false,
        };

        if (!isAllowed)
        {
            throw new EgressDeniedException($"{entry} leads to an address that tools must not reach.");
        }
    }

    private static async Task<Stream> ConnectAsync(IPAddress[] addresses, int port, CancellationToken stop)
    {
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

            try
            {
                await socket.ConnectAsync(addresses[i], port, stop);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i + 1 < addresses.Length)
            {
                // The next address may answer.
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
