namespace Mesh.Postgres;

/// <summary>The database did not answer, has no room left, or another session held the row for too long. Told to callers as UNAVAILABLE; whoever asked repeats the same request.</summary>
public sealed class StoreUnavailableException(string store, bool mayHaveCommitted, Exception inner)
    : Exception($"The store '{store}' is unavailable{(mayHaveCommitted ? ", outcome unknown" : ", nothing was written")}.", inner)
{
    /// <summary>True when the connection was lost while committing: the entry may be durable or not.</summary>
    public bool MayHaveCommitted { get; } = mayHaveCommitted;
}
