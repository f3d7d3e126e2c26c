using System.Net.Security;
using System.Security.Authentication;
using RabbitMQ.Client;

namespace Mesh.Bus.Rabbit;

/// <summary>A connection beside MassTransit's, for what MassTransit does not do: to declare queues and to count what is in them.</summary>
internal static class BrokerConnection
{
    /// <summary>Opens one that does not come back by itself.</summary>
    /// <exception cref="RabbitMQ.Client.Exceptions.BrokerUnreachableException">Nobody is there, or not who <paramref name="url"/> names.</exception>
    public static Task<IConnection> OpenAsync(Uri url, CancellationToken stop)
    {
        var factory = new ConnectionFactory { Uri = url, AutomaticRecoveryEnabled = false };

        // Of a url the client makes a connection that believes a certificate of any name.
        factory.Ssl.ServerName = url.Host;
        factory.Ssl.AcceptablePolicyErrors = SslPolicyErrors.None;
        factory.Ssl.Version = SslProtocols.None;

        return factory.CreateConnectionAsync(stop);
    }
}
