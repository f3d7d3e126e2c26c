using System.Net.Security;
using Grpc.Net.Client;

namespace Mesh.TestKit;

/// <summary>A gRPC channel to one address.</summary>
public static class PlainChannel
{
    /// <summary>Opens it, with or without TLS; messages may be of any size.</summary>
    /// <remarks>
    /// Over a client, not over its handler: with a handler, the channel makes and watches the connections itself. It was seen to lose
    /// track of them, and a call without a deadline then never ended.
    /// </remarks>
    public static GrpcChannel Open(string address, SslClientAuthenticationOptions? tls = null)
    {
        var handler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false };

        if (tls is not null)
        {
            handler.SslOptions = tls;
        }

        return GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpClient = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan },
            DisposeHttpClient = true,
            MaxSendMessageSize = null,
            MaxReceiveMessageSize = null,
        });
    }
}
