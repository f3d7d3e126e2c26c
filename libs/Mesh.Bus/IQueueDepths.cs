namespace Mesh.Bus;

/// <summary>How much waits for a consumer, for operators.</summary>
public interface IQueueDepths
{
    /// <summary>Looks once. Throws when the bus, or the store, is away.</summary>
    public Task<QueueDepth> LookAsync(string consumer, CancellationToken stop);
}

/// <summary>What waits for a consumer. More than 100,000 of a kind in a store are not counted.</summary>
/// <param name="Waiting">Messages that may be handled; on PostgreSQL also those that are being handled, which a broker does not count.</param>
/// <param name="Deferred">Messages that failed and rest, or that wait behind such a one.</param>
/// <param name="DeadLetters">Messages that are parked until a person says what becomes of them.</param>
public sealed record QueueDepth(long Waiting, long Deferred, long DeadLetters);
