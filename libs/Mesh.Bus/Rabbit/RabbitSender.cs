using System.Net.Security;
using System.Security.Authentication;
using MassTransit;
using Mesh.Postgres;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus.Rabbit;

/// <summary>Hands messages to RabbitMQ 3.10 or newer, by MassTransit: confirmed, mandatory and persistent. It has no store of its own.</summary>
/// <remarks>What was accepted is on the disks of a majority of the broker's nodes, in the queue of each of its consumers.</remarks>
public sealed class RabbitSender : IBusSender, IAsyncDisposable
{
    // A broker that does not confirm within this is taken as gone. What it did take is recognised when it comes again.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // A broker or a line that died without a word is noticed after two of them.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    private readonly Uri url;
    private readonly ILogger log;
    private readonly IBusControl bus;
    private readonly SemaphoreSlim starting = new(1);
    private bool isStarted;
    private bool isDisposed;

    /// <summary>A sender to <c>amqp://user:password@host:port/vhost</c> (or <c>amqps</c>). It opens nothing before it is used.</summary>
    /// <param name="url">Where the broker is.</param>
    /// <param name="loggers">For what MassTransit says, too.</param>
    public RabbitSender(Uri url, ILoggerFactory loggers)
    {
        this.url = url;
        log = loggers.CreateLogger<RabbitSender>();
        LogContext.ConfigureCurrentLogContext(loggers);
        bus = MassTransit.Bus.Factory.CreateUsingRabbitMq(configure =>
        {
            configure.Host(url, host =>
            {
                host.PublisherConfirmation = true;
                host.Heartbeat(Heartbeat);

                // By itself it speaks TLS on one port only, and believes whoever has a certificate of the right name.
                if (url.Scheme == "amqps")
                {
                    host.UseSsl(tls =>
                    {
                        tls.ServerName = url.Host;
                        tls.Protocol = SslProtocols.None;
                        tls.EnforcePolicyErrors(SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch);
                    });
                }
            });
            configure.AutoStart = false;
        });
        bus.ConnectSendObserver(new SendAttempt.Observer());
    }

    /// <inheritdoc />
    public async Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        var accepted = new HashSet<Guid>();

        try
        {
            await StartAsync(patience.Token);

            await Task.WhenAll(messages
                .GroupBy(message => (message.Tenant, message.Key))
                .Select(line => SendInOrderAsync(line.OrderBy(message => message.KeySequence).ThenBy(message => message.Id), accepted, patience.Token)));

            return accepted;
        }
        catch (Exception error) when (accepted.Count > 0)
        {
            log.SendInterrupted(accepted.Count, messages.Count, error);

            // What is confirmed need not go again; the rest is tried again, and says what is wrong when it comes first.
            return accepted;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new TimeoutException($"RabbitMQ did not confirm within {Patience.TotalSeconds:0} s.");
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        // By a container once for each of its services.
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        using var patience = new CancellationTokenSource(Patience);
        await (isStarted ? bus.StopAsync(patience.Token) : Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        starting.Dispose();
    }

    /// <summary>The connected bus, with everything that the mesh has on the broker declared.</summary>
    internal async Task<IBusControl> StartAsync(CancellationToken stop)
    {
        await starting.WaitAsync(stop);

        try
        {
            if (!isStarted)
            {
                await DeclareAsync(Subscriptions.All, stop);
                await bus.StartAsync(stop);
                isStarted = true;
            }

            return bus;
        }
        finally
        {
            starting.Release();
        }
    }

    /// <summary>Makes what is missing of these consumers' queues. Safe to repeat.</summary>
    internal async Task DeclareAsync(IEnumerable<KeyValuePair<string, string[]>> subscriptions, CancellationToken stop)
    {
        await using var connection = await BrokerConnection.OpenAsync(url, stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: stop);

        foreach (var (consumer, types) in subscriptions)
        {
            await Topology.DeclareAsync(channel, consumer, types, stop);
        }
    }

    // The next one of a key goes when the one before it is confirmed: refused or lost, it would be overtaken.
    private async Task SendInOrderAsync(IEnumerable<Envelope> line, HashSet<Guid> accepted, CancellationToken stop)
    {
        foreach (var message in line)
        {
            if (!await IsAcceptedAsync(message, stop))
            {
                return;
            }

            lock (accepted)
            {
                accepted.Add(message.Id);
            }
        }
    }

    // Not accepted is what the broker has no queue for, or a full one.
    private async Task<bool> IsAcceptedAsync(Envelope message, CancellationToken stop)
    {
        var exchange = await bus.GetSendEndpoint(Topology.ExchangeOf(message.Type));
        using var attempt = new SendAttempt(stop);

        try
        {
            await exchange.Send(
                new Opaque(),
                context =>
                {
                    attempt.AddTo(context);
                    BrokerMessage.Write(message, context);
                },
                attempt.Ended);

            return true;
        }
        catch (Exception) when (attempt.IsRefused)
        {
            // The other keys go on.
            return false;
        }
        catch (OperationCanceledException) when (attempt.Fault is { } fault)
        {
            throw new IOException("RabbitMQ did not take a message.", fault);
        }
    }

    // MassTransit wants a class to send; the bytes are the message's own.
    private sealed record Opaque;
}
