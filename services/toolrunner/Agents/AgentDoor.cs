using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Mesh.Toolrunner.Agents;

/// <summary>The socket at which started agents show their one-time nonce, and get their identity for it.</summary>
internal sealed class AgentDoor(RunnerOptions options, AgentTransport transport, ILoggerFactory loggers, ILogger<AgentDoor> log) : IHostedService, IDisposable
{
    public const int NonceBytes = 32;

    // Of Linux. Others allow less, but there no agent's folder is that deep.
    private const int SocketPathMax = 107;

    private static readonly TimeSpan NoncePatience = TimeSpan.FromSeconds(5);

    // By hash: finding the entry tells nothing about a nonce that is close.
    private readonly ConcurrentDictionary<Hash256, RunningAgent> expected = new();
    private readonly CancellationTokenSource closing = new();
    private readonly SocketConnectionContextFactory connections = new(new SocketConnectionFactoryOptions(), loggers.CreateLogger("Mesh.Toolrunner.AgentSocket"));
    private Socket? listener;

    /// <summary>Where the socket is, once this was started.</summary>
    public string Path { get; private set; } = "";

    /// <summary>The nonce that this agent's first connection shows. It works once.</summary>
    public byte[] Expect(RunningAgent agent)
    {
        var nonce = RandomNumberGenerator.GetBytes(NonceBytes);
        expected[Hash256.Of(nonce)] = agent;
        return nonce;
    }

    /// <summary>It will not come any more.</summary>
    public void Forget(ReadOnlySpan<byte> nonce) => expected.TryRemove(Hash256.Of(nonce), out _);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Agents run as other users and must pass through, to what is theirs; the door is for the starter only.
        var data = System.IO.Path.GetFullPath(options.Data);
        Directory.CreateDirectory(data);
        File.SetUnixFileMode(
            data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        Path = MakeWayTo(data);
        File.Delete(Path);

        listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path));
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen(128);
        _ = AcceptAsync(listener);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        closing.Cancel();
        listener?.Dispose();

        if (System.IO.Path.GetDirectoryName(Path) is { Length: > 0 } folder && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        return Task.CompletedTask;
    }

    public void Dispose()
    {
        listener?.Dispose();
        connections.Dispose();
        closing.Dispose();
    }

    private static string MakeWayTo(string data)
    {
        const string Name = "agents.sock";
        var near = System.IO.Path.Combine(data, "door");

        if (Encoding.UTF8.GetByteCount(System.IO.Path.Combine(near, Name)) > SocketPathMax)
        {
            // This admits only its owner, too.
            near = Directory.CreateTempSubdirectory("mesh-door-").FullName;
        }

        Directory.CreateDirectory(near, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return System.IO.Path.Combine(near, Name);
    }

    private async Task AcceptAsync(Socket door)
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                _ = AdmitAsync(await door.AcceptAsync(closing.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, for a moment. The door stays open.
                log.StrangerAtDoor(e.SocketErrorCode.ToString());
                await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
            }
        }
    }

    private async Task AdmitAsync(Socket socket)
    {
        try
        {
            if (await ReadNonceAsync(socket) is not { } nonce || !expected.TryRemove(Hash256.Of(nonce), out var agent))
            {
                log.StrangerAtDoor("it showed no nonce that is expected");
                socket.Dispose();
                return;
            }

            // The program starts now; it may take its time before it speaks.
            if (await ProtocolAsync(socket) is not { } endpoint)
            {
                socket.Dispose();
                agent.Disconnected();
                return;
            }

            var connection = connections.Create(socket);
            CallerIdentity.Agent.AttachTo(connection);
            connection.Features.Set(agent.Agent);

            if (!agent.TryConnect(connection) || !transport.TryHand(endpoint, connection))
            {
                await connection.DisposeAsync();
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            log.StrangerAtDoor(e.GetType().Name);
            socket.Dispose();
        }
    }

    private async Task<byte[]?> ReadNonceAsync(Socket socket)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(closing.Token);
        patience.CancelAfter(NoncePatience);
        var nonce = new byte[NonceBytes];

        // Exactly these bytes: what follows is the agent's own.
        for (var read = 0; read < nonce.Length;)
        {
            var more = await socket.ReceiveAsync(nonce.AsMemory(read), patience.Token);

            if (more == 0)
            {
                return null;
            }

            read += more;
        }

        return nonce;
    }

    // HTTP/2 begins with "PRI", and no method of HTTP/1.1 begins with "PR". Peeked at, so that the server reads it again.
    private async Task<AgentEndPoint?> ProtocolAsync(Socket socket)
    {
        var start = new byte[2];

        while (true)
        {
            switch (await socket.ReceiveAsync(start, SocketFlags.Peek, closing.Token))
            {
                case 0:
                    return null;
                case 1:
                    await Task.Delay(TimeSpan.FromMilliseconds(5), closing.Token);
                    break;
                default:
                    return start is [(byte)'P', (byte)'R'] ? AgentEndPoint.Grpc : AgentEndPoint.Json;
            }
        }
    }
}
