using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Ingress.Forwarding;

/// <summary>The replicas of a peer, in turn; those that could not be reached just now come last.</summary>
/// <param name="address">As the option has it: <c>host:port</c>, a list of them, or <c>dns:///name:port</c>.</param>
/// <param name="clock">The clock.</param>
internal sealed class PeerReplicas(string address, TimeProvider clock)
{
    private static readonly TimeSpan Resolved = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Shunned = TimeSpan.FromSeconds(2);

    private readonly string[] hosts = address.StartsWith("dns:///", StringComparison.Ordinal) ? [address["dns:///".Length..]] : address.Split(',', StringSplitOptions.TrimEntries);
    private readonly ConcurrentDictionary<string, long> failures = new();
    private Resolution? last;
    private uint turn;

    /// <summary>All replicas as prefixes of URLs, the one whose turn it is first; none when the name has no address.</summary>
    public async ValueTask<IReadOnlyList<string>> InTurnAsync(CancellationToken stop)
    {
        var replicas = await ResolveAsync(stop);

        if (replicas.Length < 2)
        {
            return replicas;
        }

        var first = (int)(Interlocked.Increment(ref turn) % (uint)replicas.Length);
        return [.. replicas[first..].Concat(replicas[..first]).OrderBy(IsShunned)];
    }

    /// <summary>This one could not be reached.</summary>
    public void Shun(string replica) => failures[replica] = clock.GetTimestamp();

    private bool IsShunned(string replica) => failures.TryGetValue(replica, out var at) && clock.GetElapsedTime(at) < Shunned;

    private async ValueTask<string[]> ResolveAsync(CancellationToken stop)
    {
        if (last is { } known && (known.IsFixed || clock.GetElapsedTime(known.At) < Resolved))
        {
            return known.Replicas;
        }

        // A lone name may stand for many replicas, and for others tomorrow. An address, or a list, stands for itself.
        if (hosts.Length > 1 || IPAddress.TryParse(HostOf(hosts[0]), out _))
        {
            last = new Resolution([.. hosts.Select(host => $"https://{host}/")], clock.GetTimestamp(), IsFixed: true);
            return last.Replicas;
        }

        try
        {
            var port = hosts[0][(hosts[0].LastIndexOf(':') + 1)..];
            var found = await Dns.GetHostAddressesAsync(HostOf(hosts[0]), stop);
            last = new Resolution([.. found.Select(ip => $"https://{new IPEndPoint(ip, int.Parse(port, CultureInfo.InvariantCulture))}/")], clock.GetTimestamp(), IsFixed: false);
        }
        catch (SocketException)
        {
            // The addresses of a minute ago are better than none.
        }

        return last?.Replicas ?? [];
    }

    private static string HostOf(string host) => host[..host.LastIndexOf(':')].Trim('[', ']');

    private sealed record Resolution(string[] Replicas, long At, bool IsFixed);
}
