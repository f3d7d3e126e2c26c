using Mesh.Bus.Stored;
using Mesh.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Bus.Embedded;

/// <summary>The bus of a single node: one row per consumer and message, in the schema <c>bus</c> of a PostgreSQL.</summary>
public sealed class EmbeddedBus : IBusTransport, IAsyncDisposable
{
    private const string Table = "bus.message";

    private const string Send = $"""
        with sent as (
          select * from unnest($1, $2, $3, $4, $5, $6, $7) as m (id, tenant_id, key, key_seq, type, traceparent, body)
        ), kept as (
          insert into {Table} (consumer, id, tenant_id, key, key_seq, type, traceparent, body)
          select s.consumer, sent.* from sent join bus.subscription s using (type) order by s.consumer, sent.id
          on conflict do nothing returning consumer
        )
        select array(select distinct consumer from kept),
               array(select id from sent where exists (select from bus.subscription s where s.type = sent.type))
        """;

    private readonly NpgsqlDataSource bus;
    private readonly RetryPauses pauses;
    private readonly ConsumerHints hints;
    private readonly ILogger log;

    /// <summary>A bus on the database of the given connection. It opens nothing before it is used.</summary>
    public EmbeddedBus(string connectionString, RetryPauses pauses, ILoggerFactory loggers)
    {
        bus = StoreRegistration.OpenSource(connectionString, loggers);
        this.pauses = pauses;
        log = loggers.CreateLogger<EmbeddedBus>();
        hints = new(bus, log);
        DeadLetters = new StoredDeadLetters(Table, bus, hints);
        Depths = new StoredDepths(Table, bus);
    }

    /// <summary>The parked messages of this bus.</summary>
    public IDeadLetters DeadLetters { get; }

    /// <summary>How much waits on this bus.</summary>
    public IQueueDepths Depths { get; }

    /// <inheritdoc />
    public async Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        await using var connection = await bus.OpenConnectionAsync(stop);
        await using var command = new NpgsqlCommand(Send, connection);
        AddArrays(command.Parameters, messages);
        await command.PrepareAsync(stop);
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        var consumers = row.GetFieldValue<string[]>(0);
        var accepted = row.GetFieldValue<Guid[]>(1).ToHashSet();

        // After the commit and from another connection: a NOTIFY inside a transaction takes a lock of the whole cluster.
        hints.Raise(consumers);

        return accepted;
    }

    /// <inheritdoc />
    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop) =>
        BusStore.SubscribeAsync(bus, consumer, types, stop);

    /// <inheritdoc />
    public Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop) =>
        new StoredConsumer(Table, consumer, bus, delivery, pauses, log).RunAsync(stop);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await hints.DisposeAsync();
        await bus.DisposeAsync();
    }

    private static void AddArrays(NpgsqlParameterCollection parameters, IReadOnlyList<Envelope> messages)
    {
        const NpgsqlDbType array = NpgsqlDbType.Array;
        parameters.Add(new() { Value = messages.Select(message => message.Id).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Uuid });
        parameters.Add(new() { Value = messages.Select(message => message.Tenant).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        parameters.Add(new() { Value = messages.Select(message => message.Key).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        parameters.Add(new() { Value = messages.Select(message => message.KeySequence).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Bigint });
        parameters.Add(new() { Value = messages.Select(message => message.Type).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        parameters.Add(new() { Value = messages.Select(message => message.TraceParent).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        parameters.Add(new() { Value = messages.Select(message => message.Body).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Bytea });
    }
}
