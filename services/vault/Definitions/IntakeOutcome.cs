using Mesh.Manifests;

namespace Mesh.Vault.Definitions;

/// <summary>What came of an intake.</summary>
internal abstract record IntakeOutcome
{
    /// <summary>All of it is in force, or would be.</summary>
    internal sealed record Applied(IReadOnlyList<AppliedManifest> Manifests) : IntakeOutcome;

    /// <summary>Nothing changed.</summary>
    internal sealed record Refused(IReadOnlyList<IntakeError> Errors) : IntakeOutcome;

    /// <summary>Nothing changed: a later apply of the tenant is here already.</summary>
    internal sealed record Overtaken(string Tenant) : IntakeOutcome;
}

/// <summary>A manifest on its way in, and where the person who applies it finds it.</summary>
internal sealed record SubmittedManifest(ManifestDocument Document, string Source);

/// <summary>A manifest that was taken.</summary>
internal sealed record AppliedManifest(ManifestDocument Document, ManifestChange Change, DateTimeOffset At);

/// <summary>What taking a manifest changed.</summary>
internal enum ManifestChange
{
    Created,
    Updated,
    Unchanged,
}

/// <summary>What is wrong with a manifest, and where.</summary>
internal sealed record IntakeError(string Source, string Field, string Message);
