namespace Mesh.Integrity;

/// <summary>The digest of a workflow together with the tools it may call. A task keeps the version it started with.</summary>
public static class WorkflowVersion
{
    /// <summary>SHA-256 of canonical <c>{"tools": {name: digest}, "workflow": spec}</c>.</summary>
    /// <param name="workflow">
    /// The canonical <c>spec</c>, with <c>agent.process.directory</c> replaced by <c>bundle: sha256:…</c>.
    /// </param>
    /// <param name="tools">Each tool with its <see cref="ToolDigest"/>, in any order.</param>
    /// <exception cref="ArgumentException">A tool is named twice.</exception>
    public static ContentDigest Compute(CanonicalBytes workflow, IEnumerable<(string Tool, ContentDigest Digest)> tools)
    {
        var preimage = new JsonBuffer(256 + workflow.Length);
        var json = new CanonicalObject(preimage);
        var members = json.Object("tools");

        foreach (var (tool, digest) in tools.OrderBy(t => t.Tool, StringComparer.Ordinal))
        {
            members.Text(tool, digest.ToString());
        }

        members.End();
        json.Value("workflow", workflow);
        json.End();

        return ContentDigest.Of(preimage.Written);
    }
}
