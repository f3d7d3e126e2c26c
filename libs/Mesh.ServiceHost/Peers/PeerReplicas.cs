using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Mesh.ServiceHost;

/// <summary>The replicas of a peer, in turn; those that could not be reached just now come last, the latest of them at the end.</summary>
/// <param name="address">One name for all of them, or a list.</param>
/// <param name="clock">The clock.</param>
public sealed class PeerReplicas(PeerAddress address, TimeProvider clock)
{
    // A new replica gets calls after this long. Only calls ask: who calls nobody looks up nothing.
    private static readonly TimeSpan Resolved = TimeSpan.FromSeconds(5);

    // Longer than two attempts to connect may take: the transport begins the next one before it is told here that the last one failed.
    private static readonly TimeSpan Shunned = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<Uri, long> failures = new();
    private volatile Resolution? last = address.IsName ? null : new Resolution([.. address.Hosts.Select(host => Prefix(host.Host, host.Port))], 0);
    private Task? resolving;
    private uint turn;

    /// <summary>Whether there can be more than one.</summary>
    internal bool CanBeMany => address.IsName || address.Hosts.Count > 1;

    /// <summary>All replicas as the beginning of URLs, the one whose turn it is first; none when the name has no address.</summary>
    internal async ValueTask<IReadOnlyList<Uri>> InTurnAsync(CancellationToken stop)
    {
        var replicas = await ResolveAsync(stop);

        if (replicas.Count < 2)
        {
            return replicas;
        }

        var first = (int)(Interlocked.Increment(ref turn) % (uint)replicas.Count);

        return failures.IsEmpty
            ? [.. replicas.Skip(first), .. replicas.Take(first)]
            : [.. replicas.Skip(first).Concat(replicas.Take(first)).OrderBy(ShunnedAt)];
    }

    /// <summary>This one could not be reached, or stops: for a moment, others come first.</summary>
    /// <returns>Whether that is news.</returns>
    internal bool Shun(Uri replica)
    {
        var isNews = !IsShunned(replica);
        failures[replica] = clock.GetTimestamp();

        return isNews;
    }

    /// <summary>Whether this one could not be reached just now, and another one may be.</summary>
    /// <remarks>
    /// Calls wait in line for a connection. With a replica that answers no handshake, each would wait for an attempt of its own; those
    /// behind the first one are told at once to go elsewhere.
    /// </remarks>
    internal bool IsShunned(DnsEndPoint replica) =>
        IsShunned(Prefix(replica.Host, replica.Port)) && last is { } known && !known.Replicas.All(IsShunned);

    /// <summary>Whether a call that failed so has not left this process: nobody has seen it, and another replica may have it.</summary>
    internal static bool WasNotReached(Exception? failure) => failure switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } => true,

        // The attempt to connect took too long, which the handler tells like this.
        OperationCanceledException { InnerException: TimeoutException } => true,
        _ => false,
    };

    /// <summary>This one answers.</summary>
    internal void Welcome(Uri replica)
    {
        if (!failures.IsEmpty)
        {
            failures.TryRemove(replica, out _);
        }
    }

    private long ShunnedAt(Uri replica) => IsShunned(replica) ? failures.GetValueOrDefault(replica) : long.MinValue;

    private bool IsShunned(Uri replica) => failures.TryGetValue(replica, out var at) && clock.GetElapsedTime(at) < Shunned;

    private async ValueTask<IReadOnlyList<Uri>> ResolveAsync(CancellationToken stop)
    {
        if (last is { } known && (!address.IsName || clock.GetElapsedTime(known.At) < Resolved))
        {
            return known.Replicas;
        }

        // One look-up for all who call meanwhile; whoever knows replicas of a while ago does not wait for it.
        var look = LookUp();

        if (last is { } before)
        {
            return before.Replicas;
        }

        await look.WaitAsync(stop);

        return last?.Replicas ?? [];
    }

    private Task LookUp()
    {
        lock (failures)
        {
            return resolving is { IsCompleted: false } ? resolving : resolving = Task.Run(LookUpAsync);
        }
    }

    private async Task LookUpAsync()
    {
        var host = address.Hosts[0];

        try
        {
            var found = await Dns.GetHostAddressesAsync(host.Host);
            var replicas = found.Select(ip => Prefix(ip.ToString(), host.Port)).ToArray();

            foreach (var gone in failures.Keys.Except(replicas))
            {
                failures.TryRemove(gone, out _);
            }

            last = new Resolution(replicas, clock.GetTimestamp());
        }
        catch (SocketException) when (last is { } before)
        {
            // The addresses of a moment ago are better than none.
            last = before with { At = clock.GetTimestamp() };
        }
        catch (SocketException)
        {
            // It has no address yet: its first replica is not there.
        }
    }

    private static Uri Prefix(string host, int port) => new UriBuilder(Uri.UriSchemeHttps, host, port).Uri;

    private sealed record Resolution(IReadOnlyList<Uri> Replicas, long At);
}
