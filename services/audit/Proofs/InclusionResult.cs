using Mesh.Audit.Checkpoints;
using Mesh.Integrity;

namespace Mesh.Audit.Proofs;

/// <summary>Whether an entry could be proven to be in the log.</summary>
internal abstract record InclusionResult
{
    internal sealed record Proven(LogEntry Entry, StoredCheckpoint Checkpoint, IReadOnlyList<Hash256> Hashes) : InclusionResult;

    /// <summary>Nothing was signed at this size.</summary>
    internal sealed record NoCheckpoint : InclusionResult;

    /// <summary>The tree of that size has no such entry.</summary>
    internal sealed record NoEntry(long Size) : InclusionResult;
}
