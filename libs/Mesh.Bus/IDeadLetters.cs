namespace Mesh.Bus;

/// <summary>The parked messages: what an operator looks at, repeats or gives up.</summary>
public interface IDeadLetters
{
    /// <summary>Parked messages of a consumer (or of all), oldest first, after a given one.</summary>
    public Task<IReadOnlyList<DeadLetter>> ListAsync(string? consumer = null, Guid after = default, int limit = 100, CancellationToken stop = default);

    /// <summary>One parked message with its body; null when it is not parked.</summary>
    public Task<DeadLetter?> ShowAsync(string consumer, Guid id, CancellationToken stop = default);

    /// <summary>Delivers it again, with all its attempts, before the later messages of its key. False when it is not parked.</summary>
    public Task<bool> RetryAsync(string consumer, Guid id, CancellationToken stop = default);

    /// <summary>Gives it up for good; the later messages of its key go on. False when it is not parked.</summary>
    public Task<bool> DiscardAsync(string consumer, Guid id, CancellationToken stop = default);
}
