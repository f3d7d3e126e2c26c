using System.Collections.Concurrent;
using System.Net;

namespace Mesh.Toolrunner.Egress;

/// <summary>The pooled connections to targets, apart for each tenant and integration. No credential stays in them.</summary>
internal sealed class TargetConnections : IDisposable
{
    // Pools beyond it start anew; what is in flight in an old one ends in peace.
    private const int PoolsMax = 512;

    private readonly ConcurrentDictionary<string, Lazy<HttpMessageInvoker>> pools = new(StringComparer.Ordinal);
    private readonly IReadOnlySet<string> privateHosts;
    private readonly NameLookup names = new(Dns.GetHostAddresses);

    public TargetConnections(RunnerOptions options)
    {
        privateHosts = (options.PrivateHosts ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
    }

    public HttpMessageInvoker Of(string tenant, string integration, IReadOnlyList<string> egress)
    {
        if (pools.Count >= PoolsMax)
        {
            // Not disposed: that would end calls that are under way. Idle connections end by themselves.
            pools.Clear();
        }

        // The hosts are part of the name: a changed integration never gets a connection that its old hosts opened.
        var key = $"{tenant}/{integration}/{string.Join(',', egress)}";
        return pools.GetOrAdd(key, _ => new Lazy<HttpMessageInvoker>(() => Open(egress))).Value;
    }

    public void Dispose()
    {
        foreach (var pool in pools.Values)
        {
            if (pool.IsValueCreated)
            {
                pool.Value.Dispose();
            }
        }
    }

    private HttpMessageInvoker Open(IReadOnlyList<string> egress)
    {
        var gate = new EgressGate(egress, privateHosts, names.AddressesAsync);

        return new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            PreAuthenticate = false,
            AutomaticDecompression = DecompressionMethods.None,

            // Ids of this mesh are none of the target's business.
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxConnectionsPerServer = 128,
            MaxResponseHeadersLength = 32,

            // What is left of an answer that was cut off is not waited for.
            MaxResponseDrainSize = 0,

            // Short, because a connection that the target closes just now makes an outcome unknown.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ConnectCallback = async (context, stop) =>
                await gate.ConnectAsync(context.DnsEndPoint, context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps, stop),
            PlaintextStreamFilter = (context, _) => ValueTask.FromResult<Stream>(new WatchedStream(context.PlaintextStream)),
        });
    }
}
