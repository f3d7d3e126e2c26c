using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>What became of a submission.</summary>
internal abstract record Placement
{
    /// <summary>Durable, in consecutive places, now or since an earlier submission said the same.</summary>
    /// <param name="First">Where the first leaf stands; null for facts that are known from an earlier time.</param>
    internal sealed record Placed(EntryPlace? First) : Placement;

    /// <summary>Facts of the task are missing before it; the log has those up to <paramref name="LastSeq"/>.</summary>
    internal sealed record Gap(long LastSeq) : Placement;

    /// <summary>The log has other bytes in these places of the task's journal.</summary>
    internal sealed record Conflict(long LastSeq) : Placement;

    /// <summary>The log has another intent for this dispatch: of another epoch, purpose or step.</summary>
    internal sealed record Differs : Placement;

    /// <summary>Too much waits; nothing was written.</summary>
    internal sealed record Busy(TimeSpan RetryAfter) : Placement;

    /// <summary>The store did not say that it is durable. It may be, or become so; a repeat will tell.</summary>
    internal sealed record Unavailable : Placement;
}

/// <summary>Where an entry stands, and what it is.</summary>
internal sealed record EntryPlace(long Index, Hash256 LeafHash, DateTimeOffset Time);
