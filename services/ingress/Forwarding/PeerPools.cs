using System.Collections.Frozen;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Forwarding;

/// <summary>Connections to the owners for what is passed on as it came: mutual TLS and HTTP/2, one pool per owner.</summary>
internal sealed class PeerPools : IDisposable
{
    private readonly FrozenDictionary<string, HttpMessageInvoker> pools;

    public PeerPools(MeshServiceOptions options, TlsIdentity identity, TimeProvider clock, ILogger<PeerPools> log)
    {
        pools = PublicApi.Services
            .Select(each => each.Owner)
            .Where(owner => owner != RouteTable.Self)
            .Distinct()
            .ToFrozenDictionary(owner => owner, owner => Open(owner, new PeerReplicas(PeerAddress.Parse(options.Peer(owner)!)!, clock)));

        HttpMessageInvoker Open(string owner, PeerReplicas replicas) =>
            new(new ReplicaHandler(owner, replicas, clock, log, PeerTransport.Create(identity, owner, replicas)));
    }

    public HttpMessageInvoker Of(string owner) => pools[owner];

    public void Dispose()
    {
        foreach (var pool in pools.Values)
        {
            pool.Dispose();
        }
    }
}
