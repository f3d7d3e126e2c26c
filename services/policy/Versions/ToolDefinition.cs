using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;

namespace Mesh.Policy.Versions;

/// <summary>Policy's own copy of a tool and its integration, as one version.</summary>
internal sealed class ToolDefinition(string name, ContentDigest digest, ToolManifest tool, string integrationName, IntegrationManifest integration)
{
    public string Name => name;

    public ContentDigest Digest => digest;

    public ToolManifest Tool => tool;

    public string IntegrationName => integrationName;

    public IntegrationManifest Integration => integration;

    /// <summary>The classes as rules and tickets write them.</summary>
    public FrozenSet<string> Classes { get; } = tool.Classes.Select(c => c.Word()).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The full name under which the vault keeps the credential; null when the system wants none.</summary>
    public string? SecretName => integration.Credential is { } credential ? $"{integrationName}/{credential.Secret}" : null;
}

/// <summary>Policy's own copy of one version of a workflow: the tools that it grants, each pinned.</summary>
internal sealed record WorkflowDefinition(string Name, ContentDigest Version, ImmutableDictionary<string, ContentDigest> Tools);
