using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads one document: the envelope that all kinds share, then the kind's own spec.</summary>
internal static class DocumentReader
{
    public const string ApiVersion = "mesh/v1";

    private static readonly Dictionary<string, ManifestKind> Kinds =
        Enum.GetValues<ManifestKind>().ToDictionary(k => k.ToString(), StringComparer.Ordinal);

    private static readonly string[] LaterKinds = ["Schedule"];

    public static ManifestDocument? Read(Node root, Findings findings)
    {
        var errorsBefore = findings.Count;

        if (Fields.Of(root, FieldPath.Root, findings) is not { } fields)
        {
            return null;
        }

        ReadApiVersion(fields);
        var kind = ReadKind(fields);
        var (tenant, name, version) = fields.RequiredMap("metadata") is { } metadata ? ReadMetadata(metadata, kind) : ("", "", 1);
        var content = kind is null ? null : ReadContent(fields, kind.Value, version);

        if (kind is not null)
        {
            fields.Close();
        }

        if (findings.Count > errorsBefore || content is null)
        {
            return null;
        }

        // The canonical form holds more than YAML promises (its own depth and number rules); better here than at the next reader.
        if (!CanonicalJson.TryCanonicalize(JsonSource.Write(root), out _, out var refusal))
        {
            findings.Add(root, FieldPath.Root, $"has no canonical form: {refusal}");
            return null;
        }

        return new ManifestDocument(kind!.Value, tenant, name, content, (MapNode)root, findings.File);
    }

    private static void ReadApiVersion(Fields fields)
    {
        var apiVersion = fields.RequiredText("apiVersion", 64);

        if (apiVersion.Length > 0 && apiVersion != ApiVersion)
        {
            fields.Refuse("apiVersion", $"must be {ApiVersion}");
        }
    }

    private static ManifestKind? ReadKind(Fields fields)
    {
        var text = fields.RequiredText("kind", 64);

        if (text.Length == 0)
        {
            return null;
        }

        if (Kinds.TryGetValue(text, out var kind))
        {
            return kind;
        }

        var known = string.Join(", ", Kinds.Keys);
        fields.Refuse("kind", LaterKinds.Contains(text) ? $"{text} is not available yet; known: {known}" : $"must be one of {known}");
        return null;
    }

    private static (string Tenant, string Name, int Version) ReadMetadata(Fields metadata, ManifestKind? kind)
    {
        var name = kind == ManifestKind.Tool ? metadata.RequiredToolName("name") : metadata.RequiredName("name");

        if (kind == ManifestKind.Tool && Names.IsBuiltIn(name))
        {
            metadata.Refuse("name", "names under mesh. belong to built-in tools");
        }

        if (kind == ManifestKind.Integration && Names.IsReservedIntegration(name))
        {
            metadata.Refuse("name", "secrets under webhooks/ are the signing keys of webhooks, so no integration can have this name");
        }

        var tenant = kind is ManifestKind.Tenant ? name : metadata.RequiredName("tenant");

        if (Names.IsReservedTenant(tenant))
        {
            metadata.Refuse(kind is ManifestKind.Tenant ? "name" : "tenant", "the platform has this name, so no tenant can have it");
        }

        var version = kind is ManifestKind.PolicySet ? metadata.RequiredWhole("version", 1, int.MaxValue) : 1;
        metadata.NotYet("labels", "annotations", "parent", "description");

        // Of a kind that is not known, nobody can say which fields it has.
        if (kind is not null)
        {
            metadata.Close();
        }

        return (tenant, name, (int)version);
    }

    private static Manifest? ReadContent(Fields fields, ManifestKind kind, int version)
    {
        if (kind == ManifestKind.Tenant)
        {
            return new TenantManifest();
        }

        return fields.RequiredMap("spec") is not { } spec ? null : kind switch
        {
            ManifestKind.Integration => IntegrationReader.Read(spec),
            ManifestKind.Tool => ToolReader.Read(spec),
            ManifestKind.Workflow => WorkflowReader.Read(spec),
            ManifestKind.Webhook => WebhookReader.Read(spec),
            _ => new PolicyReader(fields.Findings).Read(spec, version),
        };
    }
}
