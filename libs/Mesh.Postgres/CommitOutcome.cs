namespace Mesh.Postgres;

/// <summary>What became of one batch.</summary>
internal abstract record CommitOutcome<TResult>
{
    internal sealed record Committed(IReadOnlyList<TResult> Results) : CommitOutcome<TResult>;

    /// <summary>The connection was lost before the last statements were sent: certainly not written.</summary>
    internal sealed record NotReached(Exception Error) : CommitOutcome<TResult>;

    /// <summary>Nothing certain was heard of the commit: nobody knows.</summary>
    internal sealed record Unknown(Exception Error) : CommitOutcome<TResult>;

    /// <summary>Something in the batch is wrong and all of it was rolled back.</summary>
    internal sealed record Refused(Exception Error) : CommitOutcome<TResult>;
}
