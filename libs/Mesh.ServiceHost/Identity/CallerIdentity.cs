using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.ServiceHost;

/// <summary>Who is at the other end of a connection. A feature of the connection, so that it is established once.</summary>
/// <param name="Name">The service's name, or one of the names below for callers that are no service.</param>
/// <param name="ValidUntil">When the certificate ends. A connection may live longer than that; its calls may not.</param>
public sealed record CallerIdentity(string Name, DateTimeOffset ValidUntil)
{
    /// <summary>Somebody from outside, at one of ingress's open listeners.</summary>
    public static CallerIdentity Public { get; } = new("public", DateTimeOffset.MaxValue);

    /// <summary>An agent process, at the tool runner's socket.</summary>
    public static CallerIdentity Agent { get; } = new("agent", DateTimeOffset.MaxValue);

    /// <summary>Sets the identity of a connection. Listeners other than the mutual TLS one MUST do so themselves, or their gRPC calls are denied.</summary>
    public void AttachTo(ConnectionContext connection) => connection.Features.Set(this);

    /// <summary>Gives every connection of a listener this identity: ingress's open doors, for one.</summary>
    public void AttachTo(ListenOptions listener) => listener.Use(next => connection =>
    {
        AttachTo(connection);
        return next(connection);
    });
}
