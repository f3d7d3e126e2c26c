using System.Text;

namespace Mesh.Manifests.Templates;

/// <summary>An URL path with an optional query, such as <c>/v1/refunds/{input.id}?key={idempotencyKey}</c>.</summary>
/// <remarks>
/// A value stays in its place: it is percent-encoded, so it cannot add a query or a fragment, and a value that would make
/// the path climb, lose a segment or gain one is refused, however often the servers in between decode it.
/// </remarks>
public sealed class PathTemplate
{
    /// <summary>The longest path and query; the next character refuses.</summary>
    public const int LengthMax = 8 * 1024;

    private readonly IReadOnlyList<TemplatePart> path;
    private readonly IReadOnlyList<TemplatePart> query;

    private PathTemplate(string written, IReadOnlyList<TemplatePart> path, IReadOnlyList<TemplatePart> query)
    {
        Written = written;
        this.path = path;
        this.query = query;
    }

    /// <summary>The template as the user wrote it.</summary>
    public string Written { get; }

    /// <summary>The placeholders, in order.</summary>
    public IEnumerable<Placeholder> Placeholders => path.Concat(query).Select(p => p.Placeholder).OfType<Placeholder>();

    /// <summary>Reads a path, or says what is wrong with it.</summary>
    public static PathTemplateParse Parse(string text, TemplateRoots allowed)
    {
        var parse = Template.Parse(text, allowed);

        if (parse.Template is null)
        {
            return new PathTemplateParse(null, parse.Error);
        }

        var (path, query) = Split(parse.Template.Parts);
        var error = ErrorIn(path, query);
        return error is null ? new PathTemplateParse(new PathTemplate(text, path, query), null) : new PathTemplateParse(null, error);
    }

    /// <summary>Fills the path and, when it has one, the query. The result starts with a slash and is ready for a request line.</summary>
    public TemplateResult<string> Fill(TemplateValues values)
    {
        var text = new StringBuilder();

        foreach (var (part, isPath) in path.Select(p => (p, true)).Concat(query.Select(p => (p, false))))
        {
            if (part.Placeholder is not { } placeholder)
            {
                text.Append(part.Literal);
                continue;
            }

            var value = Template.TextOf(placeholder, values);

            if (!value.IsFilled)
            {
                return value;
            }

            // First of all: what is this long is not worth a closer look.
            text.Append(Uri.EscapeDataString(value.Value));

            if (text.Length > LengthMax)
            {
                return Template.Refused<string>(placeholder, TemplateRefusalReason.TooLong, $"makes the path longer than {LengthMax} characters");
            }

            if (isPath && HarmIn(placeholder, values) is { } harm)
            {
                return Template.Refused<string>(placeholder, TemplateRefusalReason.Unsafe, harm);
            }
        }

        return TemplateResult<string>.Filled(text.ToString());
    }

    // Judged on the whole segment: ".{input.a}" with the value "." climbs, and so does "{input.a}{input.b}".
    private string? HarmIn(Placeholder asked, TemplateValues values)
    {
        foreach (var segment in Segments().Where(s => s.Any(p => p.Placeholder == asked)))
        {
            var filled = TextOf(segment, placeholder => Template.TextOf(placeholder, values).Value ?? "x");

            if (filled.Length == 0 || Decodings(filled).Any(IsClimbing))
            {
                return "would leave its path segment empty, or make it climb (. or ..)";
            }

            if (Decodings(filled).Any(text => text.Any(char.IsControl)))
            {
                return "would put a control character into the path, plain or percent-encoded";
            }

            // Those that the template itself has, such as "{input.owner}%2F{input.name}", are its author's.
            if (Separators(filled) > Separators(TextOf(segment, _ => "x")))
            {
                return "would add a segment to the path: it holds a slash or a backslash, plain or percent-encoded";
            }
        }

        return null;
    }

    private static string TextOf(IReadOnlyList<TemplatePart> segment, Func<Placeholder, string> value) =>
        string.Concat(segment.Select(part => part.Placeholder is { } placeholder ? value(placeholder) : part.Literal));

    private static bool IsClimbing(string text) => text.Split('/', '\\').Any(s => s.Trim() is "." or "..");

    private static int Separators(string text) => Decodings(text).Last().Count(c => c is '/' or '\\');

    // The text, and what it becomes each time that somebody decodes it, until nothing is left to decode.
    private static IEnumerable<string> Decodings(string text)
    {
        for (var (now, before) = (text, ""); now != before; (now, before) = (Uri.UnescapeDataString(now), now))
        {
            yield return now;
        }
    }

    private IEnumerable<IReadOnlyList<TemplatePart>> Segments()
    {
        var segment = new List<TemplatePart>();

        foreach (var part in path)
        {
            if (part.Placeholder is not null)
            {
                segment.Add(part);
                continue;
            }

            var pieces = part.Literal.Split('/');

            for (var i = 0; i < pieces.Length; i++)
            {
                if (i > 0)
                {
                    yield return segment;
                    segment = [];
                }

                if (pieces[i].Length > 0)
                {
                    segment.Add(new TemplatePart(pieces[i], null));
                }
            }
        }

        yield return segment;
    }

    private static (List<TemplatePart> Path, List<TemplatePart> Query) Split(IReadOnlyList<TemplatePart> parts)
    {
        var path = new List<TemplatePart>();
        var query = new List<TemplatePart>();

        foreach (var part in parts)
        {
            var mark = query.Count == 0 && part.Placeholder is null ? part.Literal.IndexOf('?', StringComparison.Ordinal) : -1;

            if (mark >= 0)
            {
                if (mark > 0)
                {
                    path.Add(new TemplatePart(part.Literal[..mark], null));
                }

                query.Add(new TemplatePart(part.Literal[mark..], null));
            }
            else
            {
                (query.Count == 0 ? path : query).Add(part);
            }
        }

        return (path, query);
    }

    private static string? ErrorIn(List<TemplatePart> path, List<TemplatePart> query)
    {
        if (path is not [{ Placeholder: null, Literal: ['/', ..] }, ..])
        {
            return "a path must start with a slash";
        }

        var text = string.Concat(path.Select(p => p.Placeholder is null ? p.Literal : "x"));

        if (text.Contains("//", StringComparison.Ordinal) || text.Split('/').Any(s => Uri.UnescapeDataString(s) is "." or ".."))
        {
            return "a path must not have empty segments, nor . or ..";
        }

        foreach (var c in path.Concat(query).SelectMany(p => p.Literal))
        {
            if (!char.IsAscii(c) || c <= ' ' || c is '#' or '\\' or '"' or '<' or '>' or '^' or '`' or '|' or (char)0x7F)
            {
                return "a path may only hold visible ASCII characters without # and \\; percent-encode the rest";
            }
        }

        return text.Length > LengthMax ? $"a path is at most {LengthMax} characters" : null;
    }
}

/// <summary>A path template, or why the text is none.</summary>
public sealed record PathTemplateParse(PathTemplate? Template, string? Error);
