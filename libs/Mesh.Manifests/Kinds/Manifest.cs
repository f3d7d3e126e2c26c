namespace Mesh.Manifests.Kinds;

/// <summary>The typed content of one manifest document.</summary>
public abstract record Manifest;

/// <summary>A tenant: everything else belongs to one.</summary>
public sealed record TenantManifest : Manifest;
