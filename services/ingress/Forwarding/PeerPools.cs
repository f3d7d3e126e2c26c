using System.Collections.Frozen;
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
            .ToFrozenDictionary(owner => owner, owner => new PeerPool(owner, new HttpMessageInvoker(PeerTransport.Create(identity, owner)), new PeerReplicas(options.Peer(owner) ?? "", clock)));
    }

    public PeerPool Of(string owner) => pools[owner];

    public void Dispose()
    {
        foreach (var pool in pools.Values)
        {
            pool.Transport.Dispose();
        }
    }
}

/// <summary>The connections to one owner.</summary>
internal sealed record PeerPool(string Owner, HttpMessageInvoker Transport, PeerReplicas Replicas);
