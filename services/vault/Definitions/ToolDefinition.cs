using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Manifests;

namespace Mesh.Vault.Definitions;

/// <summary>A tool with its integration, under the digest that covers both.</summary>
internal sealed record ToolDefinition(string Name, ContentDigest Digest, ManifestDocument Tool, ManifestDocument Integration);

/// <summary>A version of a workflow: the tools that it grants, each in one definition.</summary>
internal sealed record WorkflowDefinition(string Name, ContentDigest Version, ImmutableSortedDictionary<string, ContentDigest> Tools);
