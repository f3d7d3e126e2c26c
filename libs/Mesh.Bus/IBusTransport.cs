namespace Mesh.Bus;

/// <summary>The seam behind which a bus stands: the embedded one on PostgreSQL, or a broker.</summary>
/// <remarks>Delivery is at least once and in order per key; <see cref="Delivery"/> makes the effect happen once.</remarks>
public interface IBusTransport : IBusSender
{
    /// <summary>From now on, messages of these types are kept for the consumer until it has handled them. Safe to repeat.</summary>
    public Task SubscribeAsync(string consumer, IReadOnlyCollection<string> types, CancellationToken stop);

    /// <summary>Delivers a consumer's messages until stopped, or until the bus is gone: then it throws, and is to be called again.</summary>
    public Task ConsumeAsync(string consumer, Delivery delivery, CancellationToken stop);
}
