using System.Net.Sockets;

namespace Mesh.ServiceHost;

/// <summary>Connects to one address and does nothing else.</summary>
/// <remarks>
/// A gRPC channel otherwise makes its connections itself, beside the HTTP handler, and keeps a state of them. That state was
/// seen to stay "connecting" while nobody connected (grpc-dotnet issues 2297 and 2734 tell of the like): every call then ran into its
/// deadline. With this as the handler's connect callback, the next call simply connects.
/// </remarks>
internal static class PlainConnection
{
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
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
