namespace Mesh.Postgres;

/// <summary>The queue of a store is full: nothing was written. Told to callers as RESOURCE_EXHAUSTED with a retry time.</summary>
public sealed class StoreBusyException(string store, TimeSpan retryAfter)
    : Exception($"The store '{store}' has more waiting than it may hold; try again in {retryAfter.TotalMilliseconds:0} ms.")
{
    /// <summary>When trying again makes sense.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}
