using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Mesh.Cli.Connection;

/// <summary>The gRPC connection to ingress; every call carries the caller's token.</summary>
internal sealed class MeshChannel : IDisposable
{
    private const int MessageBytesMax = 64 * 1024 * 1024;

    private readonly GrpcChannel channel;

    private MeshChannel(GrpcChannel channel, CallInvoker invoker)
    {
        this.channel = channel;
        Invoker = invoker;
    }

    public CallInvoker Invoker { get; }

    public static MeshChannel Open(MeshAddress address)
    {
        var channel = GrpcChannel.ForAddress(address.Endpoint, new GrpcChannelOptions
        {
            // A bundle of an agent may be that large.
            MaxSendMessageSize = MessageBytesMax,
            MaxReceiveMessageSize = MessageBytesMax,

            // A client, not its handler: with a handler, the channel makes and watches the connections itself, which it was seen to
            // lose track of.
            HttpClient = new HttpClient(new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromSeconds(5),
                EnableMultipleHttp2Connections = true,
                UseProxy = false,
            })
            {
                Timeout = Timeout.InfiniteTimeSpan,
            },
            DisposeHttpClient = true,
        });
        var invoker = channel.Intercept(new PatienceInterceptor());
        return new MeshChannel(channel, address.Token is null ? invoker : invoker.Intercept(WithToken));

        Metadata WithToken(Metadata headers)
        {
            headers.Add("authorization", $"Bearer {address.Token}");
            return headers;
        }
    }

    public void Dispose() => channel.Dispose();
}
