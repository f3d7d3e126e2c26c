using System.ComponentModel.DataAnnotations;
using System.Net;
using Mesh.ServiceHost;

namespace Mesh.Ingress;

/// <summary>What can be chosen about the door.</summary>
public sealed record IngressOptions
{
    /// <summary>Where JSON and webhooks come in.</summary>
    [Option("http", "Address of the plain HTTP/1.1 listener for JSON and webhooks, host:port; put TLS in front of it where strangers can listen.", Required = true)]
    public IPEndPoint Http { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Where gRPC comes in.</summary>
    [Option("grpc", "Address of the plain HTTP/2 listener for gRPC, host:port; put TLS in front of it where strangers can listen.", Required = true)]
    public IPEndPoint Grpc { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Calls in flight at this replica.</summary>
    [Option("in-flight", "Calls in flight at this replica, streams, long polls and verified webhooks included. One more is refused with 429 and a time to come back.")]
    [Range(1, 100_000)]
    public int InFlight { get; init; } = 512;

    /// <summary>Webhooks at this replica whose body is on its way and whose sender is not known yet.</summary>
    [Option("unverified-in-flight", "Webhooks at this replica whose body is still arriving, so that nobody knows who sends them. They take no place of in-flight. One more is refused with 429 and a time to come back.")]
    [Range(1, 100_000)]
    public int UnverifiedInFlight { get; init; } = 128;

    /// <summary>Streams of one principal at this replica.</summary>
    [Option("principal-streams", "Streams of one principal at this replica: watched tasks, bundles on their way. One more is refused with 429 and a time to come back.")]
    [Range(1, 100_000)]
    public int PrincipalStreams { get; init; } = 128;

    /// <summary>Calls per second and principal at this replica.</summary>
    [Option("principal-rate", "Calls per second of one principal at this replica; twice as many may come at once. One more is refused with 429 and a time to come back.")]
    [Range(1, 1_000_000)]
    public int PrincipalRate { get; init; } = 1_000;

    /// <summary>How long a JSON body may take to arrive.</summary>
    [Option("body-timeout", "How long the body of a JSON request or a webhook may take to arrive. A slower one is refused with 408.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "00:05:00")]
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
