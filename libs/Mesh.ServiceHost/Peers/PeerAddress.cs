using System.Globalization;
using System.Net;
using Grpc.Net.Client.Balancer;

namespace Mesh.ServiceHost;

/// <summary>Where a peer is: a DNS name that has all its replicas, or a list of them.</summary>
internal sealed record PeerAddress(Uri Target, IReadOnlyList<BalancerAddress> Replicas)
{
    public const string Wants = "must be host:port, host:port,host:port, or dns:///name:port";

    public static PeerAddress? Parse(string service, string text)
    {
        if (text.StartsWith("dns:///", StringComparison.Ordinal))
        {
            return Split(text["dns:///".Length..]) is null ? null : new PeerAddress(new Uri(text), []);
        }

        var replicas = text.Split(',', StringSplitOptions.TrimEntries).Select(Split).ToArray();

        if (replicas.Length == 0 || replicas.Any(replica => replica is null))
        {
            return null;
        }

        // A lone name may stand for many replicas, and for others tomorrow. A lone address stands for itself, and is
        // connected to without a balancer: see PlainConnection.
        if (replicas is [{ } only])
        {
            return IPAddress.TryParse(only.Host, out var address)
                ? new PeerAddress(new UriBuilder(Uri.UriSchemeHttps, address.ToString(), only.Port).Uri, [])
                : new PeerAddress(new Uri($"dns:///{only.Host}:{only.Port}"), []);
        }

        return new PeerAddress(new Uri($"static:///{service}"), [.. replicas.Select(replica => new BalancerAddress(replica!.Host, replica.Port))]);
    }

    private static DnsEndPoint? Split(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0
            && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535
            && Uri.CheckHostName(text[..colon]) != UriHostNameType.Unknown
                ? new DnsEndPoint(text[..colon].Trim('[', ']'), port)
                : null;
    }
}
