namespace Mesh.Integrity;

/// <summary>The <c>spec</c> of a manifest document under its name.</summary>
/// <param name="Name">The manifest's <c>metadata.name</c>.</param>
/// <param name="Spec">The canonical form of its <c>spec</c>.</param>
public sealed record NamedSpec(string Name, CanonicalBytes Spec);
