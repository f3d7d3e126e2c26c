using System.Collections.Immutable;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;

namespace Mesh.Vault.Definitions;

/// <summary>The manifests of one tenant as they would stand together, with the digests that follow from them.</summary>
internal sealed class Catalog
{
    private readonly Dictionary<(ManifestKind Kind, string Name), ManifestDocument> documents;

    public Catalog(string tenant, IEnumerable<ManifestDocument> current, IEnumerable<ManifestDocument> applied)
    {
        Tenant = tenant;
        documents = current.ToDictionary(document => (document.Kind, document.Name));

        foreach (var document in applied)
        {
            documents[(document.Kind, document.Name)] = document;
        }
    }

    public string Tenant { get; }

    public IEnumerable<ToolDefinition> Tools() =>
        from tool in Of(ManifestKind.Tool)
        let integration = Find(ManifestKind.Integration, ((ToolManifest)tool.Content).Integration)
        where integration is not null
        select new ToolDefinition(tool.Name, ToolDigest.Compute(tool.NamedSpec, integration.NamedSpec), tool, integration);

    /// <summary>Every workflow with the digests of the tools that it lists. A changed tool makes a new version of each.</summary>
    public IEnumerable<WorkflowDefinition> Workflows()
    {
        var digests = Tools().ToDictionary(tool => tool.Name, tool => tool.Digest);

        foreach (var workflow in Of(ManifestKind.Workflow))
        {
            var granted = ((WorkflowManifest)workflow.Content).Tools;

            if (granted.All(digests.ContainsKey))
            {
                var tools = granted.ToImmutableSortedDictionary(tool => tool, tool => digests[tool]);
                yield return new WorkflowDefinition(
                    workflow.Name, WorkflowVersion.Compute(workflow.Spec, tools.Select(tool => (tool.Key, tool.Value))), tools);
            }
        }
    }

    /// <summary>What stands in the way of one of the documents, beside the others.</summary>
    public IEnumerable<ManifestError> ErrorsOf(ManifestDocument document) => ManifestSet.Check([document], documents.Values).Errors;

    private IEnumerable<ManifestDocument> Of(ManifestKind kind) => documents.Values.Where(document => document.Kind == kind);

    private ManifestDocument? Find(ManifestKind kind, string name) => documents.GetValueOrDefault((kind, name));
}
