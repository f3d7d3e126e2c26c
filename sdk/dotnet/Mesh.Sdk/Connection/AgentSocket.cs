using System.Globalization;
using System.Net.Sockets;

namespace Mesh.Connection;

/// <summary>The one connected socket that this process was started with. It is the agent's identity: there is no second one.</summary>
internal sealed class AgentSocket(MeshWorkerOptions options) : IDisposable
{
    private const string Variable = "MESH_SOCKET_FD";

    private readonly CancellationTokenSource lost = new();
    private Socket? socket;
    private int taken;

    /// <summary>Cancelled once the connection is gone; nothing brings it back.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Takes the descriptor over, or says in words why that is not possible.</summary>
    public void Open()
    {
        var descriptor = options.SocketDescriptor ?? Inherited();

        try
        {
            socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new InvalidOperationException($"Descriptor {descriptor} is not a connected socket: {e.Message}", e);
        }
    }

    /// <summary>The stream of the connection, the first time. The second time the first connection must have broken.</summary>
    public ValueTask<Stream> ConnectAsync()
    {
        if (socket is { } connected && Interlocked.Exchange(ref taken, 1) == 0)
        {
            return ValueTask.FromResult<Stream>(new NetworkStream(connected, ownsSocket: true));
        }

        lost.Cancel();
        throw new IOException("The connection to Mesh broke.");
    }

    public void Dispose()
    {
        socket?.Dispose();
        lost.Dispose();
    }

    private static int Inherited() =>
        int.TryParse(Environment.GetEnvironmentVariable(Variable), NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor)
            ? descriptor
            : throw new InvalidOperationException(
                $"{Variable} is not set: an agent is started by Mesh, which hands it a connected socket. Declare it in a Workflow and apply that.");
}
