using System.Net;
using System.Net.Sockets;
using Mesh.Cli.Output;

namespace Mesh.Cli.Dev;

/// <summary>The ports of one mesh, counted from a base and held by a lock file until this process ends in any way.</summary>
internal sealed class PortBlock : IDisposable
{
    public const int Default = 7300;
    public const int Lowest = 1024;

    /// <summary>From 32768 on, the kernel gives ports to outgoing connections.</summary>
    public const int Highest = 32767 - LastOffset;

    private const int Step = 100;
    private const int ServiceOffset = 10;
    private const int HealthOffset = 20;
    private const int BrokerOffset = 30;

    // Of the second and each later replica of every service: six listeners, then six for health.
    private const int ReplicaOffset = 33;
    private const int ReplicaStep = 12;
    private const int LastOffset = ReplicaOffset + (Replica.Max - 1) * ReplicaStep - 1;

    private readonly FileStream claim;

    private PortBlock(int first, FileStream claim)
    {
        Base = first;
        this.claim = claim;
    }

    public int Base { get; }

    public int Http => Base;

    public int Grpc => Base + 1;

    /// <summary>The door of an ingress, for HTTP. The gRPC door is the port behind it.</summary>
    public int HttpOf(Replica ingress) => Base + 2 * (ingress.Number - 1);

    public int ServiceOf(Replica replica) =>
        replica.Number == 1 ? Base + ServiceOffset + replica.Service.Index : Base + ReplicaOffset + (replica.Number - 2) * ReplicaStep + replica.Service.Index;

    public int HealthOf(Replica replica) => HealthOf(Base, replica);

    /// <summary>Where a mesh whose block begins at this port tells of the replica's health.</summary>
    public static int HealthOf(int first, Replica replica) =>
        replica.Number == 1 ? first + HealthOffset + replica.Service.Index : first + ReplicaOffset + (replica.Number - 2) * ReplicaStep + Service.All.Length + replica.Service.Index;

    /// <summary>For a broker of the mesh's own, where it has one.</summary>
    public RabbitPorts Broker => new(Base + BrokerOffset, Base + BrokerOffset + 1, Base + BrokerOffset + 2);

    /// <summary>The wanted block or a clear refusal; without a wish the first that is free.</summary>
    /// <param name="wanted">Its first port, or null.</param>
    /// <param name="replicas">The processes that are to listen.</param>
    public static PortBlock Reserve(int? wanted, IReadOnlyList<Replica> replicas)
    {
        if (wanted is { } first)
        {
            return TryReserve(first, replicas, out var why) ?? throw Taken($"{why} Name another block with --port, or stop what holds it.");
        }

        for (var next = Default; next <= Highest; next += Step)
        {
            if (TryReserve(next, replicas, out _) is { } block)
            {
                return block;
            }
        }

        throw Taken($"No block of ports is free between {Default} and {Highest}. Name one with --port.");
    }

    public void Dispose() => claim.Dispose();

    private static PortBlock? TryReserve(int first, IReadOnlyList<Replica> replicas, out string why)
    {
        var claim = TryLock(first);
        if (claim is null)
        {
            why = $"Another mesh holds the ports from {first} on.";
            return null;
        }

        var block = new PortBlock(first, claim);
        var ports = replicas.SelectMany(replica => (int[])[block.ServiceOf(replica), block.HealthOf(replica), .. replica.Service.Name == "ingress" ? [block.HttpOf(replica), block.HttpOf(replica) + 1] : (int[])[]])
            .Concat(Enumerable.Range(first + BrokerOffset, 3));
        var taken = ports.FirstOrDefault(port => !IsFree(port));
        if (taken != 0)
        {
            claim.Dispose();
            why = $"Port {taken} is taken by another program.";
            return null;
        }

        why = "";
        return block;
    }

    private static FileStream? TryLock(int first)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"mesh-ports-{Environment.UserName}");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            return new FileStream(Path.Combine(folder, $"{first}.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static ProblemException Taken(string message) =>
        new(Problem.Here("PORT_TAKEN", message, ExitCodes.Conflict));
}
