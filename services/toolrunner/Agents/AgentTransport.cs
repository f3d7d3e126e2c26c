using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Toolrunner.Agents;

/// <summary>Hands admitted connections to the web server. HTTP/1.1 and HTTP/2 share one door, and the server cannot tell them apart without TLS.</summary>
internal sealed class AgentTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly Dictionary<EndPoint, Channel<ConnectionContext>> arrivals = new()
    {
        [AgentEndPoint.Grpc] = Channel.CreateUnbounded<ConnectionContext>(),
        [AgentEndPoint.Json] = Channel.CreateUnbounded<ConnectionContext>(),
    };

    public bool CanBind(EndPoint endpoint) => endpoint is AgentEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(new Listener(endpoint, arrivals[endpoint]));

    public bool TryHand(AgentEndPoint endpoint, ConnectionContext connection) => arrivals[endpoint].Writer.TryWrite(connection);

    private sealed class Listener(EndPoint endpoint, Channel<ConnectionContext> arrivals) : IConnectionListener
    {
        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await arrivals.Reader.WaitToReadAsync(cancellationToken) && arrivals.Reader.TryRead(out var connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            arrivals.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
