using System.Collections.Frozen;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;

namespace Mesh.Orchestrator.Manifests;

/// <summary>One version of a workflow with the definitions of its tools. Never changes: a running task keeps it.</summary>
internal sealed record WorkflowDefinition
{
    public required string Tenant { get; init; }

    public required string Name { get; init; }

    /// <summary><c>sha256:…</c> over the workflow's spec and the digests of its tools.</summary>
    public required string Version { get; init; }

    public required WorkflowManifest Manifest { get; init; }

    public required FrozenDictionary<string, ToolDefinition> Tools { get; init; }

    public int StepsMax => Manifest.Limits.Steps;
}

/// <summary>One tool as a workflow version pins it: the tool and the address of its target together.</summary>
internal sealed record ToolDefinition
{
    public required string Name { get; init; }

    public required ContentDigest Digest { get; init; }

    public required CanonicalBytes Spec { get; init; }

    public required string Integration { get; init; }

    public required CanonicalBytes IntegrationSpec { get; init; }

    public required ToolManifest Manifest { get; init; }

    /// <summary>The words of <see cref="ToolManifest.Classes"/>.</summary>
    public IReadOnlyList<string> Classes => [.. Manifest.Classes.Select(c => c.Word())];
}
