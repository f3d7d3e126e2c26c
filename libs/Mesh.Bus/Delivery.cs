using Mesh.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus;

/// <summary>Gives messages to their handlers so that each has its effect once, whatever the transport does.</summary>
/// <remarks>The inbox row and the effect are one transaction of the service's store. Transports call this; services write handlers.</remarks>
public sealed class Delivery(NpgsqlDataSource store, IEnumerable<IMessageHandler> handlers, ILogger<Delivery> log)
{
    private readonly Dictionary<(string Consumer, string Type), IMessageHandler> handlers =
        handlers.SelectMany(handler => handler.Types.Select(type => (handler, type)))
            .ToDictionary(pair => (pair.handler.Consumer, pair.type), pair => pair.handler);

    /// <summary>The consumers of this service, and what each takes.</summary>
    public IReadOnlyDictionary<string, string[]> Subscriptions => handlers.Keys
        .GroupBy(key => key.Consumer)
        .ToDictionary(group => group.Key, group => group.Select(key => key.Type).ToArray());

    /// <summary>Delivers messages in their order; answers one outcome for each.</summary>
    /// <exception cref="NpgsqlException">The store is gone or full. No message is to blame and nothing had its effect for certain.</exception>
    public async Task<IReadOnlyList<DeliveryOutcome>> DeliverAsync(
        string consumer, IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        using var inHand = DeliveryMetrics.Handle(consumer, messages.Count);
        var outcomes = await DeliverTogetherAsync(consumer, messages, stop);
        DeliveryMetrics.Count(consumer, messages, outcomes);

        return outcomes;
    }

    private async Task<IReadOnlyList<DeliveryOutcome>> DeliverTogetherAsync(string consumer, IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        // All in one transaction first, so that one fsync serves them all. If one fails, each gets its own.
        if (messages.Count > 1 && messages.All(message => handlers.ContainsKey((consumer, message.Type))))
        {
            try
            {
                await HandleAsync(consumer, messages, stop);

                return [.. messages.Select(_ => new DeliveryOutcome.Done())];
            }
            catch (Exception error) when (!stop.IsCancellationRequested && !StoreErrors.IsStoreFailure(error))
            {
                log.BatchSplit(consumer, messages.Count, error.GetType().Name);
            }
        }

        var outcomes = new List<DeliveryOutcome>(messages.Count);
        var stuck = new HashSet<(string, string)>();
        foreach (var message in messages)
        {
            var outcome = stuck.Contains((message.Tenant, message.Key))
                ? new DeliveryOutcome.NotItsTurn()
                : await DeliverAsync(consumer, message, stop);
            if (outcome is not DeliveryOutcome.Done)
            {
                stuck.Add((message.Tenant, message.Key));
            }

            outcomes.Add(outcome);
        }

        return outcomes;
    }

    private async Task<DeliveryOutcome> DeliverAsync(string consumer, Envelope message, CancellationToken stop)
    {
        if (!handlers.ContainsKey((consumer, message.Type)))
        {
            return new DeliveryOutcome.Undecodable($"No handler of {consumer} takes the type {message.Type}.");
        }

        try
        {
            await HandleAsync(consumer, [message], stop);

            return new DeliveryOutcome.Done();
        }
        catch (UndecodableMessageException error)
        {
            return new DeliveryOutcome.Undecodable(error.Message);
        }
        catch (Exception error) when (!stop.IsCancellationRequested && !StoreErrors.IsStoreFailure(error))
        {
            log.HandlerFailed(consumer, message.Id, message.Type, error);

            return new DeliveryOutcome.Failed($"{error.GetType().Name}: {error.Message}");
        }
    }

    private async Task HandleAsync(string consumer, IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        using var traces = MessageTraces.Consume(consumer, messages);
        messages = traces?.Messages ?? messages;
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var effect = await connection.BeginTransactionAsync(stop);
        var fresh = await Inbox.AddAsync(effect, consumer, [.. messages.Select(message => message.Id)], stop);
        Action? committed = null;
        foreach (var group in messages.Where(message => fresh.Contains(message.Id)).GroupBy(message => handlers[(consumer, message.Type)]))
        {
            committed += await HandleAsync(group.Key, [.. group], effect, stop);
        }

        await effect.CommitAsync(stop);
        committed?.Invoke();
    }

    private static async Task<Action?> HandleAsync(
        IMessageHandler handler, IReadOnlyList<Envelope> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        if (handler is IBatchMessageHandler together)
        {
            return await together.HandleAsync(messages, effect, stop);
        }

        Action? committed = null;
        foreach (var message in messages)
        {
            committed += await handler.HandleAsync(message, effect, stop);
        }

        return committed;
    }
}
