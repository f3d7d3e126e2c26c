using System.Collections.Immutable;
using Mesh.Manifests;

namespace Mesh.Policy.Versions;

/// <summary>A manifest that somebody wants to apply, and where it stands in their files.</summary>
internal sealed record SubmittedManifest(ManifestDocument Document, string Source);

/// <summary>What is wrong with, or worth knowing about, a submitted manifest.</summary>
/// <param name="Source">Where the manifest stands in the files of whoever applies it.</param>
/// <param name="Field">The place inside it.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record ManifestFault(string Source, string Field, string Message);

/// <summary>What an apply did, or would do, with one document.</summary>
internal sealed record AppliedDocument(ManifestDocument Document, ManifestChange Change, string Previous, DateTimeOffset At);

/// <summary>How a document differs from the one before it.</summary>
internal enum ManifestChange
{
    Created,
    Updated,
    Unchanged,
}

/// <summary>What became of an apply.</summary>
internal abstract record LedgerAnswer
{
    /// <param name="Documents">What was changed, or would be.</param>
    /// <param name="Findings">What is allowed and worth knowing.</param>
    /// <param name="Generation">The place of the apply among all; null when it was only validated.</param>
    internal sealed record Applied(ImmutableArray<AppliedDocument> Documents, ImmutableArray<ManifestFault> Findings, long? Generation) : LedgerAnswer;

    /// <summary>Nothing was changed: the documents do not fit together.</summary>
    internal sealed record Invalid(ImmutableArray<ManifestFault> Faults) : LedgerAnswer;

    /// <summary>Nothing was changed: a set does not decide as its own tests expect.</summary>
    internal sealed record TestsFailed(ImmutableArray<ManifestFault> Faults) : LedgerAnswer;
}
