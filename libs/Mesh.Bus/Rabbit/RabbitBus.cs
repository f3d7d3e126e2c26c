using System.Net.Security;
using System.Security.Authentication;
using MassTransit;
using Mesh.Bus.Stored;
using Mesh.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;
using RabbitMQ.Client;

namespace Mesh.Bus.Rabbit;

/// <summary>The bus of a mesh that scales: MassTransit on RabbitMQ 3.10 or newer.</summary>
/// <remarks>
/// <see cref="Topology"/> says what the broker holds. Messages are on it when a majority of its nodes has them on disk. What a consumer
/// cannot handle yet waits in its own store (<see cref="Deferred"/>), where order, retries and parking are the embedded bus's own.
/// </remarks>
public sealed class RabbitBus : IBusTransport, IAsyncDisposable
{
    // A broker that does not confirm within this is taken as gone. What it did take is recognised when it comes again.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // A broker or a line that died without a word is noticed after two of them.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    private readonly Uri url;
    private readonly NpgsqlDataSource store;
    private readonly RetryPauses pauses;
    private readonly ConsumerHints hints;
    private readonly ILogger log;
    private readonly IBusControl bus;
    private readonly SemaphoreSlim starting = new(1);
    private readonly BrokerDepths depths;
    private bool isStarted;
    private bool isDisposed;

    /// <summary>A bus at <c>amqp://user:password@host:port/vhost</c> (or <c>amqps</c>). It opens nothing before it is used.</summary>
    /// <param name="url">Where the broker is.</param>
    /// <param name="store">The store of the service, with the table <see cref="Deferred.Table"/> where it consumes.</param>
    /// <param name="pauses">Between the attempts of a message that fails.</param>
    /// <param name="loggers">For what MassTransit says, too.</param>
    public RabbitBus(Uri url, NpgsqlDataSource store, RetryPauses pauses, ILoggerFactory loggers)
    {
        this.url = url;
        this.store = store;
        this.pauses = pauses;
        log = loggers.CreateLogger<RabbitBus>();
        hints = new(store, log);
        DeadLetters = new StoredDeadLetters(Deferred.Name, store, hints);
        depths = new BrokerDepths(url, new StoredDepths(Deferred.Name, store));
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

    /// <summary>The parked messages of the service's own consumers.</summary>
    public IDeadLetters DeadLetters { get; }

    /// <summary>How much waits on the broker and beside it.</summary>
    public IQueueDepths Depths => depths;

    /// <inheritdoc />
    public async Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        var accepted = new HashSet<Guid>();

        try
        {
            await StartAsync(patience.Token);

            // The next one of a key goes when the one before it is confirmed: refused or lost, it would be overtaken.
            foreach (var wave in Waves(messages))
            {
                var ready = wave.Where(one => one.Before is null || accepted.Contains(one.Before.Id)).Select(one => one.Message).ToList();
                await Task.WhenAll(ready.Select(message => SendAsync(message, accepted, patience.Token)));
            }

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
    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop) =>
        DeclareAsync([KeyValuePair.Create(consumer, types.ToArray())], stop);

    /// <inheritdoc />
    public async Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop)
    {
        await StartAsync(stop);
        var retries = new StoredConsumer(Deferred.Name, consumer, store, delivery, pauses, log);
        await new RabbitConsumer(consumer, new Deferred(consumer, store), retries, hints, delivery, pauses, log).RunAsync(bus, stop);
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
        await depths.DisposeAsync();
        await hints.DisposeAsync();
        starting.Dispose();
    }

    private static IEnumerable<(Envelope Message, Envelope? Before)[]> Waves(IReadOnlyList<Envelope> messages) => messages
        .GroupBy(message => (message.Tenant, message.Key))
        .SelectMany(key =>
        {
            var line = key.OrderBy(message => message.KeySequence).ThenBy(message => message.Id).ToList();

            return line.Select((message, place) => (Place: place, Message: message, Before: place > 0 ? line[place - 1] : null));
        })
        .GroupBy(one => one.Place)
        .OrderBy(wave => wave.Key)
        .Select(wave => wave.Select(one => (one.Message, one.Before)).ToArray());

    // Not accepted is what the broker has no queue for, or a full one.
    private async Task SendAsync(Envelope message, HashSet<Guid> accepted, CancellationToken stop)
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

            lock (accepted)
            {
                accepted.Add(message.Id);
            }
        }
        catch (Exception) when (attempt.IsRefused)
        {
            // The others go on.
        }
        catch (OperationCanceledException) when (attempt.Fault is { } fault)
        {
            throw new IOException("RabbitMQ did not take a message.", fault);
        }
    }

    private async Task DeclareAsync(IEnumerable<KeyValuePair<string, string[]>> subscriptions, CancellationToken stop)
    {
        await using var connection = await new ConnectionFactory { Uri = url }.CreateConnectionAsync(stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: stop);

        foreach (var (consumer, types) in subscriptions)
        {
            await Topology.DeclareAsync(channel, consumer, types, stop);
        }
    }

    private async Task StartAsync(CancellationToken stop)
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
        }
        finally
        {
            starting.Release();
        }
    }

    // MassTransit wants a class to send; the bytes are the message's own.
    private sealed record Opaque;
}
