using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Policies;
using Mesh.Policy.Language;

namespace Mesh.Policy.Versions;

/// <summary>What one tenant has declared, as it would be after an apply: what its tools and workflows become.</summary>
internal sealed class TenantCatalog(string tenant, IEnumerable<ManifestDocument> current)
{
    private readonly Dictionary<(ManifestKind Kind, string Name), ManifestDocument> documents = current.ToDictionary(d => (d.Kind, d.Name));

    public string Tenant => tenant;

    public void Replace(ManifestDocument document) => documents[(document.Kind, document.Name)] = document;

    public IEnumerable<ManifestDocument> Of(ManifestKind kind) =>
        documents.Values.Where(d => d.Kind == kind).OrderBy(d => d.Name, StringComparer.Ordinal);

    /// <summary>Every tool with its integration, as one version each. Tools whose integration is missing are left out.</summary>
    public ImmutableArray<ToolVersion> Tools() =>
    [
        .. from tool in Of(ManifestKind.Tool)
           let integration = documents.GetValueOrDefault((ManifestKind.Integration, ((ToolManifest)tool.Content).Integration))
           where integration is not null
           select new ToolVersion(tool, integration, ToolDigest.Compute(tool.NamedSpec, integration.NamedSpec)),
    ];

    /// <summary>Every workflow with the tools that it pins. Workflows with a missing tool are left out.</summary>
    public ImmutableArray<WorkflowDefinition> Workflows()
    {
        var tools = Tools().ToDictionary(t => t.Tool.Name, t => t.Digest, StringComparer.Ordinal);

        return
        [
            .. from workflow in Of(ManifestKind.Workflow)
               let granted = ((WorkflowManifest)workflow.Content).Tools
               where granted.All(tools.ContainsKey)
               let pinned = granted.ToImmutableDictionary(name => name, name => tools[name], StringComparer.Ordinal)
               let version = WorkflowVersion.Compute(workflow.Spec, pinned.Select(p => (p.Key, p.Value)))
               select new WorkflowDefinition(workflow.Name, version, pinned),
        ];
    }

    /// <summary>The tests of a set that do not get what they expect, with the tools as they would be.</summary>
    public IEnumerable<FailedTest> FailedTests(ManifestDocument document) => document.Content is PolicySetManifest set
        ? SetTests.Run(tenant, document.Name, set, Of(ManifestKind.Tool).ToDictionary(t => t.Name, t => (ToolManifest)t.Content, StringComparer.Ordinal))
        : [];

    public IEnumerable<ManifestDocument> All => documents.Values;
}

/// <summary>One version of a tool together with its integration.</summary>
internal sealed record ToolVersion(ManifestDocument Tool, ManifestDocument Integration, ContentDigest Digest);
