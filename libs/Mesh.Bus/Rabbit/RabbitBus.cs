using Mesh.Bus.Stored;
using Mesh.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus.Rabbit;

/// <summary>The bus of a mesh that scales: MassTransit on RabbitMQ 3.10 or newer.</summary>
/// <remarks>
/// <see cref="Topology"/> says what the broker holds, and <see cref="RabbitSender"/> sends. What a consumer
/// cannot handle yet waits in its own store (<see cref="Deferred"/>), where order, retries and parking are the embedded bus's own.
/// </remarks>
public sealed class RabbitBus : IBusTransport, IAsyncDisposable
{
    private readonly NpgsqlDataSource store;
    private readonly RetryPauses pauses;
    private readonly ConsumerHints hints;
    private readonly ILogger log;
    private readonly BrokerDepths depths;
    private readonly RabbitSender sender;

    /// <summary>A bus at <c>amqp://user:password@host:port/vhost</c> (or <c>amqps</c>). It opens nothing before it is used.</summary>
    /// <param name="url">Where the broker is.</param>
    /// <param name="store">The store of the service, with the table <see cref="Deferred.Table"/> where it consumes.</param>
    /// <param name="pauses">Between the attempts of a message that fails.</param>
    /// <param name="loggers">For what MassTransit says, too.</param>
    public RabbitBus(Uri url, NpgsqlDataSource store, RetryPauses pauses, ILoggerFactory loggers)
    {
        this.store = store;
        this.pauses = pauses;
        log = loggers.CreateLogger<RabbitBus>();
        sender = new(url, loggers);
        hints = new(store, log);
        DeadLetters = new StoredDeadLetters(Deferred.Name, store, hints);
        depths = new BrokerDepths(url, new StoredDepths(Deferred.Name, store));
    }

    /// <summary>The parked messages of the service's own consumers.</summary>
    public IDeadLetters DeadLetters { get; }

    /// <summary>How much waits on the broker and beside it.</summary>
    public IQueueDepths Depths => depths;

    /// <inheritdoc />
    public Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop) => sender.SendAsync(messages, stop);

    /// <inheritdoc />
    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop) =>
        sender.DeclareAsync([KeyValuePair.Create(consumer, types.ToArray())], stop);

    /// <inheritdoc />
    public async Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop)
    {
        var bus = await sender.StartAsync(stop);
        var retries = new StoredConsumer(Deferred.Name, consumer, store, delivery, pauses, log);
        await new RabbitConsumer(consumer, new Deferred(consumer, store), retries, hints, delivery, pauses, log).RunAsync(bus, stop);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await sender.DisposeAsync();
        await depths.DisposeAsync();
        await hints.DisposeAsync();
    }
}
