using System.Globalization;
using System.Net;

namespace Mesh.ServiceHost;

/// <summary>Where a peer is: one name that stands for all its replicas, or the replicas themselves.</summary>
/// <param name="Hosts">What was written, in its order.</param>
/// <param name="IsName">A lone name: it may stand for many replicas, and for others tomorrow.</param>
public sealed record PeerAddress(IReadOnlyList<DnsEndPoint> Hosts, bool IsName)
{
    internal const string Wants = "must be host:port, host:port,host:port, or dns:///name:port";

    /// <summary>Reads an address as the options have it; null when it is none.</summary>
    public static PeerAddress? Parse(string text)
    {
        const string dns = "dns:///";

        if (text.StartsWith(dns, StringComparison.Ordinal))
        {
            return Split(text[dns.Length..]) is { } name ? new PeerAddress([name], IsName: true) : null;
        }

        var hosts = text.Split(',', StringSplitOptions.TrimEntries).Select(Split).ToArray();

        return hosts.All(host => host is not null)
            ? new PeerAddress(hosts!, IsName: hosts is [{ } only] && !IPAddress.TryParse(only.Host, out _))
            : null;
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
