namespace Mesh.Ingress.Forwarding;

/// <summary>A path of the API with variables, as its proto writes it: <c>/v1/tenants/{tenant}/tasks/{task_id}:cancel</c>.</summary>
internal sealed class PathTemplate
{
    private readonly Segment[] segments;
    private readonly string verb;

    private PathTemplate(Segment[] segments, string verb)
    {
        this.segments = segments;
        this.verb = verb;
    }

    /// <summary>The more of it is fixed, the sooner it is tried.</summary>
    public int Precision => segments.Count(segment => !segment.IsVariable) + (verb.Length > 0 ? 1 : 0);

    /// <summary>The fields of the request that are in the path.</summary>
    public IEnumerable<string> Variables => segments.Where(segment => segment.IsVariable).Select(segment => segment.Text);

    public static PathTemplate Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var verb = colon > text.LastIndexOf('/') ? text[colon..] : "";
        var segments = text[..(text.Length - verb.Length)].Split('/')[1..];

        return segments.Any(segment => segment.Length == 0 || segment.Contains('*', StringComparison.Ordinal) || segment.Contains('=', StringComparison.Ordinal))
            ? throw new InvalidOperationException($"Ingress does not know how to match {text}: it takes whole segments and plain variables.")
            : new PathTemplate([.. segments.Select(segment => segment is ['{', .., '}'] ? new Segment(segment[1..^1], IsVariable: true) : new Segment(segment, IsVariable: false))], verb);
    }

    public bool Matches(ReadOnlySpan<char> path)
    {
        if (path is not ['/', ..] || !path.EndsWith(verb, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = path[1..^verb.Length];
        var index = 0;

        foreach (var range in rest.Split('/'))
        {
            var segment = rest[range];

            if (index == segments.Length || segment.Length == 0 || (segments[index] is { IsVariable: false, Text: var literal } && !segment.SequenceEqual(literal)))
            {
                return false;
            }

            index++;
        }

        return index == segments.Length;
    }

    /// <summary>The variables of a path that matches.</summary>
    public IEnumerable<(string Variable, string Value)> Read(string path) =>
        segments.Zip(path[1..^verb.Length].Split('/')).Where(each => each.First.IsVariable).Select(each => (each.First.Text, each.Second));

    private readonly record struct Segment(string Text, bool IsVariable);
}
