using System.Text;
using System.Text.Json;

namespace Mesh.Manifests.Templates;

/// <summary>A text with placeholders, such as <c>Bearer {value}</c>. Braces are written twice to mean themselves.</summary>
public sealed class Template
{
    /// <summary>The longest text that filling answers with; the next character refuses.</summary>
    public const int LengthMax = 256 * 1024;

    private Template(string written, IReadOnlyList<TemplatePart> parts) => (Written, Parts) = (written, parts);

    /// <summary>The template as the user wrote it.</summary>
    public string Written { get; }

    /// <summary>The placeholders, in order.</summary>
    public IEnumerable<Placeholder> Placeholders => Parts.Select(p => p.Placeholder).OfType<Placeholder>();

    internal IReadOnlyList<TemplatePart> Parts { get; }

    /// <summary>The one placeholder that this consists of, when there is nothing else.</summary>
    internal Placeholder? Single => Parts is [{ Placeholder: { } only }] ? only : null;

    /// <summary>Reads a template, or says what is wrong with it.</summary>
    public static TemplateParse Parse(string text, TemplateRoots allowed)
    {
        var parts = new List<TemplatePart>();
        var literal = new StringBuilder();

        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];

            if (c is '{' or '}' && i + 1 < text.Length && text[i + 1] == c)
            {
                literal.Append(c);
                i++;
            }
            else if (c == '}')
            {
                return new TemplateParse(null, "a closing brace has no opening one; write }} for the character itself");
            }
            else if (c == '{')
            {
                var end = text.IndexOf('}', i);

                if (end < 0)
                {
                    return new TemplateParse(null, "an opening brace has no closing one; write {{ for the character itself");
                }

                var (placeholder, error) = ReadPlaceholder(text[(i + 1)..end], allowed);

                if (placeholder is null)
                {
                    return new TemplateParse(null, error);
                }

                Flush(parts, literal);
                parts.Add(new TemplatePart("", placeholder));
                i = end;
            }
            else
            {
                literal.Append(c);
            }
        }

        Flush(parts, literal);
        return new TemplateParse(new Template(text, parts), null);
    }

    /// <summary>Fills the template as text. Objects, lists and null cannot become text.</summary>
    public TemplateResult<string> FillText(TemplateValues values)
    {
        var text = new StringBuilder();

        foreach (var part in Parts)
        {
            if (part.Placeholder is null)
            {
                text.Append(part.Literal);
                continue;
            }

            var value = TextOf(part.Placeholder, values);

            if (!value.IsFilled)
            {
                return value;
            }

            text.Append(value.Value);

            if (text.Length > LengthMax)
            {
                return Refused<string>(part.Placeholder, TemplateRefusalReason.TooLong, $"makes the text longer than {LengthMax} characters");
            }
        }

        return TemplateResult<string>.Filled(text.ToString());
    }

    internal static TemplateResult<string> TextOf(Placeholder placeholder, TemplateValues values)
    {
        if (placeholder.Find(values) is not { } value)
        {
            return Refused<string>(placeholder, TemplateRefusalReason.Missing, "has no value");
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => TemplateResult<string>.Filled(value.GetString()!),
            JsonValueKind.Number => TemplateResult<string>.Filled(value.GetRawText()),
            JsonValueKind.True => TemplateResult<string>.Filled("true"),
            JsonValueKind.False => TemplateResult<string>.Filled("false"),
            JsonValueKind.Null => Refused<string>(placeholder, TemplateRefusalReason.Missing, "is null"),
            _ => Refused<string>(placeholder, TemplateRefusalReason.WrongType, "is an object or a list and cannot become text"),
        };
    }

    internal static TemplateResult<T> Refused<T>(Placeholder placeholder, TemplateRefusalReason reason, string message)
        where T : class =>
        TemplateResult<T>.Refused(new TemplateRefusal(placeholder.ToString(), reason, $"{placeholder} {message}"));

    private static (Placeholder? Placeholder, string? Error) ReadPlaceholder(string text, TemplateRoots allowed)
    {
        var steps = text.Split('.');

        TemplateRoots? root = steps[0] switch
        {
            "input" => TemplateRoots.Input,
            "body" => TemplateRoots.Body,
            "idempotencyKey" => TemplateRoots.IdempotencyKey,
            "value" => TemplateRoots.Value,
            _ => null,
        };

        if (root is not { } known || !allowed.HasFlag(known))
        {
            return (null, $"{{{Shortened(text)}}} is not known here; known: {Names(allowed)}");
        }

        if (steps.Length > 1 && known is (TemplateRoots.IdempotencyKey or TemplateRoots.Value))
        {
            return (null, $"{{{Shortened(text)}}} has no members");
        }

        // A name that is empty or holds a brace is a slip of the pen, not a member.
        return steps.Skip(1).All(s => s.Length > 0 && !s.Any(c => c is '{' or ' ' || char.IsControl(c)))
            ? (new Placeholder(known, steps[1..]), null)
            : (null, $"{{{Shortened(text)}}} has a member without a name");
    }

    private static string Names(TemplateRoots allowed)
    {
        var names = Enum.GetValues<TemplateRoots>()
            .Where(r => r != TemplateRoots.None && allowed.HasFlag(r))
            .Select(r => $"{{{Placeholder.RootName(r)}}}");

        return string.Join(", ", names) is { Length: > 0 } list ? list : "none";
    }

    private static string Shortened(string text) => text.Length <= 60 ? text : $"{text.AsSpan(0, 60)}…";

    private static void Flush(List<TemplatePart> parts, StringBuilder literal)
    {
        if (literal.Length > 0)
        {
            parts.Add(new TemplatePart(literal.ToString(), null));
            literal.Clear();
        }
    }
}

/// <summary>A template, or why the text is none.</summary>
public sealed record TemplateParse(Template? Template, string? Error);

/// <summary>A stretch of literal text, or a placeholder.</summary>
internal sealed record TemplatePart(string Literal, Placeholder? Placeholder);
