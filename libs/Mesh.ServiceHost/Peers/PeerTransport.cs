namespace Mesh.ServiceHost;

/// <summary>The connections to a service of the mesh: HTTP/2 over mutual TLS, kept also when nothing is asked.</summary>
public static class PeerTransport
{
    /// <summary>A handler that talks to one service; the caller disposes of it.</summary>
    /// <param name="identity">Whose certificate is shown.</param>
    /// <param name="service">The only service whose certificate is accepted.</param>
    public static SocketsHttpHandler Create(TlsIdentity identity, string service) => new()
    {
        SslOptions = PeerTls.ClientOptions(identity, service),
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        KeepAlivePingDelay = TimeSpan.FromSeconds(20),

        // Calls have deadlines of their own. A quarter of this is how often the transport wakes for each peer, also when idle.
        KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,

        // A connection shows the certificate of its first day. Renewed often, it never outlives that.
        PooledConnectionLifetime = TimeSpan.FromHours(1),
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
    };
}
