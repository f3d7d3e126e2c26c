namespace Mesh.Integrity;

/// <summary>The digest of a tool's whole definition, its target's address included, so that nobody can swap either.</summary>
public static class ToolDigest
{
    /// <summary>
    /// SHA-256 of canonical <c>{"integration": {"name", "spec"} or null, "tool": {"name", "spec"}}</c>.
    /// </summary>
    /// <param name="tool">The tool.</param>
    /// <param name="integration">The integration that the tool names, or null if it names none.</param>
    public static ContentDigest Compute(NamedSpec tool, NamedSpec? integration)
    {
        var preimage = new JsonBuffer(128 + tool.Spec.Length + (integration?.Spec.Length ?? 0));
        var json = new CanonicalObject(preimage);

        if (integration is null)
        {
            json.Value("integration", null);
        }
        else
        {
            Write(json.Object("integration"), integration);
        }

        Write(json.Object("tool"), tool);
        json.End();

        return ContentDigest.Of(preimage.Written);
    }

    private static void Write(CanonicalObject json, NamedSpec named)
    {
        json.Text("name", named.Name);
        json.Value("spec", named.Spec);
        json.End();
    }
}
