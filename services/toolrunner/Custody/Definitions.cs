using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;

namespace Mesh.Toolrunner.Custody;

/// <summary>A tool and its integration, read from the specs that the digest covers.</summary>
internal sealed record ToolDefinition(ContentDigest Digest, string IntegrationName, ToolManifest Tool, IntegrationManifest Integration);

/// <summary>Reads definitions once and keeps them by their digest, which can never mean another one.</summary>
internal sealed class Definitions
{
    // Forgetting all of them costs a few milliseconds; an order of use would have to be kept on every call.
    private const int KeptMax = 2_000;

    private readonly ConcurrentDictionary<ContentDigest, ToolDefinition> known = new();

    /// <summary>The definition, or null when the specs are none: then they are not what the workflow's version pins.</summary>
    public ToolDefinition? Find(ToolCall call)
    {
        var digest = ToolDigest.Compute(call.Tool, call.Integration);

        if (known.TryGetValue(digest, out var found))
        {
            return found;
        }

        if (Read(ManifestKind.Tool, call.Tenant, call.Tool) is not ToolManifest tool
            || Read(ManifestKind.Integration, call.Tenant, call.Integration) is not IntegrationManifest integration
            || tool.Integration != call.Integration.Name)
        {
            return null;
        }

        if (known.Count >= KeptMax)
        {
            known.Clear();
        }

        return known[digest] = new ToolDefinition(digest, call.Integration.Name, tool, integration);
    }

    private static Manifest? Read(ManifestKind kind, string tenant, NamedSpec named)
    {
        var document = new JsonObject
        {
            ["apiVersion"] = "mesh/v1",
            ["kind"] = kind.ToString(),
            ["metadata"] = new JsonObject { ["tenant"] = tenant, ["name"] = named.Name },
            ["spec"] = JsonNode.Parse(named.Spec.Span),
        };

        return CanonicalJson.TryParse(Encoding.UTF8.GetBytes(document.ToJsonString()), out var canonical, out _)
            && ManifestReader.ReadCanonical(canonical.Span) is { IsValid: true } reading
                ? reading.Documents[0].Content
                : null;
    }
}
