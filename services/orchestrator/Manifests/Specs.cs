using System.Text.Json.Nodes;
using Mesh.Integrity;
using Mesh.Manifests;

namespace Mesh.Orchestrator.Manifests;

/// <summary>A stored spec, as the document that it came from.</summary>
internal static class Specs
{
    public static ManifestDocument Read(ManifestKind kind, string tenant, string name, CanonicalBytes spec)
    {
        var document = new JsonObject
        {
            ["apiVersion"] = "mesh/v1",
            ["kind"] = kind.ToString(),
            ["metadata"] = new JsonObject { ["tenant"] = tenant, ["name"] = name },
            ["spec"] = JsonNode.Parse(spec.Span),
        };

        return ManifestDocument.FromCanonical(
            CanonicalJson.Canonicalize(System.Text.Encoding.UTF8.GetBytes(document.ToJsonString())));
    }
}
