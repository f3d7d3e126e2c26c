using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace Mesh.Ingress.Tests.Peers;

/// <summary>A replica that stops at the worst moment: it takes a whole request, says that it worked on none, and is gone.</summary>
/// <remarks>By hand, frame by frame (RFC 9113): a server that stops meets this moment only when the machine is busy.</remarks>
internal sealed class ClosingReplica : IDisposable
{
    private const byte Data = 0;
    private const byte Settings = 4;
    private const byte GoAway = 7;
    private const int PrefaceBytes = 24;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    private ClosingReplica(string keys)
    {
        listener.Start();
        Address = listener.LocalEndpoint.ToString()!;
        Gone = CloseOnRequestAsync(new TlsIdentity(keys, TestKeys.Domain));
    }

    public string Address { get; }

    /// <summary>Ends when it has had its request.</summary>
    public Task Gone { get; }

    /// <summary>Starts one that has these keys.</summary>
    public static ClosingReplica Start(string keys) => new(keys);

    public void Dispose() => listener.Dispose();

    private async Task CloseOnRequestAsync(TlsIdentity identity)
    {
        using var socket = await listener.AcceptSocketAsync();
        await using var connection = new SslStream(new NetworkStream(socket));
        await connection.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = identity.Context,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        });
        await connection.ReadExactlyAsync(new byte[PrefaceBytes]);
        await connection.WriteAsync(Frame(Settings, []));

        while (await ReadFrameAsync(connection) is not (Data, IsLast: true))
        {
        }

        // Nobody else gets in, and the last stream that was worked on is none.
        listener.Stop();
        await connection.WriteAsync(Frame(GoAway, new byte[8]));

        // A socket that closes with something unread would take the message with it.
        while (await connection.ReadAsync(new byte[1024]) > 0)
        {
        }
    }

    private static async Task<(byte Kind, bool IsLast)> ReadFrameAsync(SslStream connection)
    {
        var head = new byte[9];
        await connection.ReadExactlyAsync(head);
        await connection.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8]);
        return (head[3], (head[4] & 1) == 1);
    }

    private static byte[] Frame(byte kind, byte[] content) => [0, 0, (byte)content.Length, kind, 0, 0, 0, 0, 0, .. content];
}
