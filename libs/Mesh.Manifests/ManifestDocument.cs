using System.Text.Json.Nodes;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Source;

namespace Mesh.Manifests;

/// <summary>One manifest: as it was written, in canonical form, and typed.</summary>
public sealed class ManifestDocument
{
    internal ManifestDocument(ManifestKind kind, string tenant, string name, Manifest content, MapNode root, string file)
    {
        Kind = kind;
        Tenant = tenant;
        Name = name;
        Content = content;
        Root = root;
        File = file;
        Canonical = CanonicalJson.Parse(JsonSource.Write(root));
        Spec = CanonicalJson.Parse(root.TryGet("spec", out var spec) ? JsonSource.Write(spec.Value) : "{}"u8);
        Digest = ContentDigest.Of(Canonical.Span);
    }

    /// <summary>What it declares.</summary>
    public ManifestKind Kind { get; }

    /// <summary>The tenant that it belongs to; for a Tenant, its own name.</summary>
    public string Tenant { get; }

    /// <summary>Unique per tenant and kind.</summary>
    public string Name { get; }

    /// <summary>The typed content, with defaults filled in.</summary>
    public Manifest Content { get; }

    /// <summary>The whole document as the user wrote it, defaults not filled in, in canonical form.</summary>
    public CanonicalBytes Canonical { get; }

    /// <summary>The spec alone, in canonical form: what tool digests and workflow versions cover.</summary>
    public CanonicalBytes Spec { get; }

    /// <summary>SHA-256 of <see cref="Canonical"/>: the document's version.</summary>
    public ContentDigest Digest { get; }

    /// <summary>The file that it was read from; empty when it was read from canonical JSON.</summary>
    public string File { get; }

    /// <summary>Where it starts in its file; 0 when it was read from canonical JSON.</summary>
    public int Line => Root.Line;

    internal MapNode Root { get; }

    /// <summary>Name and spec, as digests take them.</summary>
    public NamedSpec NamedSpec => new(Name, Spec);

    /// <summary>Reads back what <see cref="Canonical"/> wrote, from a store of one's own.</summary>
    /// <remarks>For bytes that came from somebody else use <see cref="ManifestReader.ReadCanonical"/>, which answers errors.</remarks>
    /// <exception cref="FormatException">The bytes are not one valid document in canonical form.</exception>
    public static ManifestDocument FromCanonical(ReadOnlySpan<byte> canonical)
    {
        var reading = ManifestReader.ReadCanonical(canonical);
        return reading.IsValid ? reading.Documents[0] : throw new FormatException($"Not a canonical manifest: {reading.Errors[0]}");
    }

    /// <summary>The same workflow after its agent's folder was packed: <c>directory</c> is replaced by <c>bundle</c>.</summary>
    /// <exception cref="InvalidOperationException">It is not a Workflow.</exception>
    public ManifestDocument WithBundle(ContentDigest bundle)
    {
        if (Kind != ManifestKind.Workflow)
        {
            throw new InvalidOperationException($"A {Kind} has no bundle.");
        }

        var document = JsonNode.Parse(Canonical.Span)!;
        var process = document["spec"]!["agent"]!["process"]!.AsObject();
        process.Remove("directory");
        process["bundle"] = bundle.ToString();
        return FromCanonical(CanonicalJson.Canonicalize(System.Text.Encoding.UTF8.GetBytes(document.ToJsonString())));
    }

    /// <summary>The document's kind, tenant and name.</summary>
    public override string ToString() => Kind == ManifestKind.Tenant ? $"{Kind} {Name}" : $"{Kind} {Tenant}/{Name}";
}
