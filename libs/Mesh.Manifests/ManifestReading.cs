namespace Mesh.Manifests;

/// <summary>What was read from one file. A document with an error is not listed; apply nothing when there is any error.</summary>
/// <param name="Documents">The documents without errors, in the order of the file.</param>
/// <param name="Errors">At most 100.</param>
public sealed record ManifestReading(IReadOnlyList<ManifestDocument> Documents, IReadOnlyList<ManifestError> Errors)
{
    /// <summary>Whether everything could be read.</summary>
    public bool IsValid => Errors.Count == 0;
}
