using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Mesh.ServiceHost;

/// <summary>What every service is told from outside. There is no file of settings.</summary>
public sealed record MeshServiceOptions
{
    /// <summary>The address of the mutual TLS listener.</summary>
    [Option("listen", "Address of the gRPC listener (mutual TLS, HTTP/2) that peers call, host:port; port 0 takes a free one.", Required = true)]
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>The address of the plain health listener.</summary>
    [Option("health", "Address of the plain HTTP/1.1 listener with /livez, /readyz, /healthz and /metrics, host:port.", Required = true)]
    public IPEndPoint Health { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>This service's own folder of keys.</summary>
    [Option("keys", "This service's folder of keys, as keys init wrote it; certificates in it may be replaced while the service runs.", Required = true)]
    public string Keys { get; init; } = "";

    /// <summary>The folder of the certificate, where it is renewed by somebody who must not see the keys.</summary>
    [Option("tls", "Folder with tls.crt, tls.key and ca.crt, where whoever renews them must not see the other keys; the folder of keys when absent.")]
    public string? Tls { get; init; }

    /// <summary>The trust domain; peers from another one are strangers.</summary>
    [Option("domain", "Trust domain of the mesh; a peer whose certificate names another one is refused.", Required = true)]
    public string Domain { get; init; } = "";

    /// <summary>The connection string of this service's own store.</summary>
    [Option("postgres", "Connection string of this service's own PostgreSQL store, in key=value form.", IsSecret = true)]
    public string? Postgres { get; init; }

    /// <summary>Which transport carries facts.</summary>
    [Option("bus", "Transport of the bus: postgres, or rabbitmq where services are scaled.")]
    public BusTransport Bus { get; init; } = BusTransport.Postgres;

    /// <summary>Where the bus is.</summary>
    [Option("bus-url", "Where the bus is: a connection string for postgres, an amqp URL for rabbitmq.", IsSecret = true)]
    public string? BusUrl { get; init; }

    /// <summary>Where ingress is.</summary>
    [Option("peer-ingress", "Where ingress is: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerIngress { get; init; }

    /// <summary>Where the orchestrator is.</summary>
    [Option("peer-orchestrator", "Where the orchestrator is: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerOrchestrator { get; init; }

    /// <summary>Where policy is.</summary>
    [Option("peer-policy", "Where policy is: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerPolicy { get; init; }

    /// <summary>Where the vault is.</summary>
    [Option("peer-vault", "Where the vault is: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerVault { get; init; }

    /// <summary>Where audit is.</summary>
    [Option("peer-audit", "Where audit is: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerAudit { get; init; }

    /// <summary>Where the tool runners are.</summary>
    [Option("peer-toolrunner", "Where the tool runners are: host:port, host:port,host:port, or dns:///name:port; calls go round robin.")]
    public string? PeerToolrunner { get; init; }

    /// <summary>The least severe line that is logged.</summary>
    [Option("log-level", "Least severe line that is logged: Debug, Information, Warning or Error.")]
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Whether the end of standard input stops the service.</summary>
    [Option("stop-on-stdin-eof", "Stop when standard input ends; a launcher sets it so that its children do not outlive it. true or false.")]
    public bool StopOnStdinEof { get; init; }

    /// <summary>How long it still answers when it is told to stop.</summary>
    [Option("linger", "How long a stopping service still answers, so that its callers move to other replicas and none is cut off: 0s to 30s.")]
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long it then finishes what is in flight.</summary>
    [Option("drain", "How long a service that is told to stop then finishes what is in flight, before it cuts it off: 1s to 330s. For a tool runner, as long as its slowest tools take.")]
    [Range(typeof(TimeSpan), "00:00:01", "00:05:30")]
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The configured address of a peer, or null.</summary>
    public string? Peer(string service) => service switch
    {
        "ingress" => PeerIngress,
        "orchestrator" => PeerOrchestrator,
        "policy" => PeerPolicy,
        "vault" => PeerVault,
        "audit" => PeerAudit,
        "toolrunner" => PeerToolrunner,
        _ => throw new ArgumentException($"There is no service named '{service}'.", nameof(service)),
    };

    // Connection strings hold passwords, and a record prints itself into logs easily.
    /// <inheritdoc/>
    public override string ToString() => $"listen {Listen}, health {Health}, domain {Domain}";
}

/// <summary>The transports of the bus.</summary>
public enum BusTransport
{
    /// <summary>Rows in PostgreSQL: one node needs nothing else.</summary>
    Postgres,

    /// <summary>RabbitMQ: quorum queues, for everything that scales.</summary>
    Rabbitmq,
}
