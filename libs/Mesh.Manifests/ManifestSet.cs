using System.Net;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Policies;
using Mesh.Manifests.Reading;
using Mesh.Manifests.Source;

namespace Mesh.Manifests;

/// <summary>What is wrong between documents, and what is only worth telling.</summary>
/// <param name="Errors">Any of them refuses the whole set.</param>
/// <param name="Remarks">Nothing is refused for them: an untested rule, a limit that no rule uses.</param>
public sealed record ManifestCheck(IReadOnlyList<ManifestError> Errors, IReadOnlyList<ManifestError> Remarks)
{
    /// <summary>Whether the set may be applied.</summary>
    public bool IsValid => Errors.Count == 0;
}

/// <summary>Checks documents against each other and against what is already there.</summary>
public sealed class ManifestSet
{
    private readonly Dictionary<(ManifestKind Kind, string Tenant, string Name), ManifestDocument> known = [];
    private readonly List<ManifestError> errors = [];
    private readonly List<ManifestError> remarks = [];

    private ManifestSet()
    {
    }

    /// <summary>Checks the documents to apply. Those of the catalogue are taken as they are, unless one with the same name is applied.</summary>
    public static ManifestCheck Check(IReadOnlyList<ManifestDocument> applied, IEnumerable<ManifestDocument> catalogue)
    {
        var set = new ManifestSet();

        foreach (var document in catalogue)
        {
            set.known[(document.Kind, document.Tenant, document.Name)] = document;
        }

        set.Add(applied);

        foreach (var document in applied)
        {
            set.CheckOne(document);
        }

        return new ManifestCheck(set.errors, set.remarks);
    }

    private void Add(IReadOnlyList<ManifestDocument> applied)
    {
        var seen = new Dictionary<(ManifestKind, string, string), ManifestDocument>();

        foreach (var document in applied)
        {
            var key = (document.Kind, document.Tenant, document.Name);

            if (!seen.TryAdd(key, document))
            {
                Refuse(document, "metadata/name", $"{document} is already declared in {seen[key].File}:{seen[key].Line}");
            }

            known[key] = document;
        }
    }

    private void CheckOne(ManifestDocument document)
    {
        if (document.Kind != ManifestKind.Tenant && !known.ContainsKey((ManifestKind.Tenant, document.Tenant, document.Tenant)))
        {
            Refuse(document, "metadata/tenant", $"the tenant {document.Tenant} is not declared");
        }

        switch (document.Content)
        {
            case ToolManifest tool:
                CheckTool(document, tool);
                break;

            case WorkflowManifest workflow:
                CheckWorkflow(document, workflow);
                break;

            case WebhookManifest webhook when Find(document, ManifestKind.Workflow, webhook.Start.Workflow) is null:
                Refuse(document, "spec/start/workflow", $"the workflow {webhook.Start.Workflow} is not declared");
                break;

            case IntegrationManifest integration:
                CheckReach(document, integration);
                CheckTools(document, integration);
                break;

            case PolicySetManifest policies:
                new PolicyCheck(
                    policies,
                    name => Find(document, ManifestKind.Tool, name)?.Content as ToolManifest,
                    (pointer, message) => Refuse(document, pointer, message),
                    (pointer, message) => remarks.Add(At(document, pointer, message))).Run();
                break;
        }
    }

    private void CheckTool(ManifestDocument document, ToolManifest tool)
    {
        if (Find(document, ManifestKind.Integration, tool.Integration)?.Content is not IntegrationManifest integration)
        {
            Refuse(document, "spec/integration", $"the integration {tool.Integration} is not declared");
        }
        else if (CredentialClash(integration, tool) is { } clash)
        {
            Refuse(document, "spec/http", clash);
        }

        // Models and MCP clients see dots as underscores; two tools must not become one.
        var twin = known.Values.FirstOrDefault(d => d.Kind == ManifestKind.Tool && d.Tenant == document.Tenant
            && d.Name != document.Name && PublicName(d.Name) == PublicName(document.Name));

        if (twin is not null)
        {
            Refuse(document, "metadata/name", $"has the same public name as {twin.Name}: {PublicName(twin.Name)}");
        }
    }

    // Here and not in the reader: one that was applied before must still be readable out of the stores.
    private void CheckReach(ManifestDocument document, IntegrationManifest integration)
    {
        foreach (var (index, entry) in integration.Egress.Index())
        {
            if (IPAddress.TryParse(entry.Host, out var address) && AddressRule.KindOf(address) == AddressKind.Forbidden)
            {
                Refuse(document, $"spec/egress/{index}", $"{entry.Host} is an address that no tool may reach: link-local, of a metadata service, or reserved");
            }
        }
    }

    // A changed integration can break tools that are not part of this set.
    private void CheckTools(ManifestDocument document, IntegrationManifest integration)
    {
        var clash = known.Values
            .Where(d => d.Kind == ManifestKind.Tool && d.Tenant == document.Tenant)
            .Select(d => (d.Name, Tool: (ToolManifest)d.Content))
            .Where(t => t.Tool.Integration == document.Name)
            .Select(t => (t.Name, Clash: CredentialClash(integration, t.Tool)))
            .FirstOrDefault(t => t.Clash is not null);

        if (clash.Clash is not null)
        {
            Refuse(document, "spec/credential/inject", $"tool {clash.Name}: {clash.Clash}");
        }
    }

    private void CheckWorkflow(ManifestDocument document, WorkflowManifest workflow)
    {
        foreach (var (index, tool) in workflow.Tools.Index())
        {
            if (Find(document, ManifestKind.Tool, tool) is null)
            {
                Refuse(document, $"spec/tools/{index}", $"the tool {tool} is not declared");
            }
        }
    }

    private static string? CredentialClash(IntegrationManifest integration, ToolManifest tool)
    {
        var header = integration.Credential?.Injection switch
        {
            CredentialInjection.Header injected => injected.Name,
            CredentialInjection.Basic => "Authorization",
            _ => null,
        };

        if (header is not null && tool.Http.Headers.Select(h => h.Name).Append(tool.Repeat?.KeyHeader).Contains(header, StringComparer.OrdinalIgnoreCase))
        {
            return $"the header {header} belongs to the integration's credential";
        }

        return integration.Credential?.Injection is CredentialInjection.Query query && tool.Http.Query.Any(q => q.Name == query.Name)
            ? $"the query parameter {query.Name} belongs to the integration's credential"
            : null;
    }

    private static string PublicName(string tool) => tool.Replace('.', '_');

    private ManifestDocument? Find(ManifestDocument beside, ManifestKind kind, string name) =>
        known.GetValueOrDefault((kind, beside.Tenant, name));

    private void Refuse(ManifestDocument document, string pointer, string message) => errors.Add(At(document, pointer, message));

    private static ManifestError At(ManifestDocument document, string pointer, string message)
    {
        var (node, path) = NodePointer.Find(document.Root, FieldPath.Root, "/" + pointer);
        return new ManifestError(document.File, node.Line, node.Column, path.ToString(), message);
    }
}
