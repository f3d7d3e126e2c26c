using System.Net.Sockets;

namespace Mesh.ServiceHost;

/// <summary>The connections to a service of the mesh: HTTP/2 over mutual TLS, kept also when nothing is asked.</summary>
public static class PeerTransport
{
    /// <summary>A handler that talks to one service; the caller disposes of it.</summary>
    /// <param name="identity">Whose certificate is shown.</param>
    /// <param name="service">The only service whose certificate is accepted.</param>
    /// <param name="replicas">Where it is.</param>
    public static SocketsHttpHandler Create(TlsIdentity identity, string service, PeerReplicas replicas) => new()
    {
        SslOptions = PeerTls.ClientOptions(identity, service),
        EnableMultipleHttp2Connections = true,

        // Of the whole attempt, the handshake too.
        ConnectTimeout = TimeSpan.FromSeconds(2),
        ConnectCallback = (context, stop) => ConnectAsync(replicas, context, stop),

        // Where another replica could answer, one that went silent must be found out soon. A lone peer's calls have deadlines, and
        // a quarter of this is how often the transport wakes for each peer, also when idle.
        KeepAlivePingDelay = TimeSpan.FromSeconds(replicas.CanBeMany ? 5 : 20),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(replicas.CanBeMany ? 5 : 20),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,

        // A connection shows the certificate of its first day. Renewed often, it never outlives that.
        PooledConnectionLifetime = TimeSpan.FromHours(1),
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
    };

    // A gRPC channel would make its connections itself, beside the handler, and could lose track of them: decision 8.
    private static async ValueTask<Stream> ConnectAsync(PeerReplicas replicas, SocketsHttpConnectionContext context, CancellationToken stop)
    {
        if (replicas.IsShunned(context.DnsEndPoint))
        {
            throw new SocketException((int)SocketError.HostUnreachable);
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, stop);

            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
