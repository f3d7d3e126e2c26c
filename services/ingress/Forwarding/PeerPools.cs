using System.Collections.Frozen;
using System.Diagnostics;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Forwarding;

/// <summary>Connections to the owners for what is passed on as it came: mutual TLS and HTTP/2, one pool per owner.</summary>
internal sealed class PeerPools : IDisposable
{
    private readonly FrozenDictionary<string, PeerPool> pools;

    public PeerPools(MeshServiceOptions options, TlsIdentity identity, TimeProvider clock)
    {
        pools = PublicApi.Services
            .Select(each => each.Owner)
            .Where(owner => owner != RouteTable.Self)
            .Distinct()
            .ToFrozenDictionary(owner => owner, owner => new PeerPool(owner, Connect(identity, owner), new PeerReplicas(options.Peer(owner) ?? "", clock)));
    }

    public PeerPool Of(string owner) => pools[owner];

    public void Dispose()
    {
        foreach (var pool in pools.Values)
        {
            pool.Transport.Dispose();
        }
    }

    private static HttpMessageInvoker Connect(TlsIdentity identity, string owner) => new(new SocketsHttpHandler
    {
        SslOptions = PeerTls.ClientOptions(identity, owner),
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        KeepAlivePingDelay = TimeSpan.FromSeconds(20),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(5),

        // A connection shows the certificate of its first day. Renewed often, it never outlives that.
        PooledConnectionLifetime = TimeSpan.FromHours(1),
        AllowAutoRedirect = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        ActivityHeadersPropagator = DistributedContextPropagator.CreateDefaultPropagator(),
        UseProxy = false,
        UseCookies = false,
    });
}

/// <summary>The connections to one owner.</summary>
internal sealed record PeerPool(string Owner, HttpMessageInvoker Transport, PeerReplicas Replicas);
