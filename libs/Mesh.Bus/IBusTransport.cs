using Mesh.Postgres;

namespace Mesh.Bus;

/// <summary>The seam behind which a bus stands: the embedded one on PostgreSQL, or a broker.</summary>
/// <remarks>Delivery is at least once and in order per key; <see cref="Delivery"/> makes the effect happen once.</remarks>
public interface IBusTransport
{
    /// <summary>Hands messages over, and answers the ids of those that are now durable on the bus.</summary>
    /// <remarks>
    /// Sending the same message again MUST be harmless. A message that nobody is subscribed to is not accepted: it stays
    /// in the outbox, because facts must not get lost while their consumer was never started. Throws when the bus is gone.
    /// </remarks>
    public Task<IReadOnlySet<Guid>> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop);

    /// <summary>From now on, messages of these types are kept for the consumer until it has handled them. Safe to repeat.</summary>
    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop);

    /// <summary>Delivers a consumer's messages until stopped, or until the bus is gone: then it throws, and is to be called again.</summary>
    public Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop);
}
