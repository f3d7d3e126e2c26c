using System.Buffers;

namespace Mesh.Manifests.Signatures;

/// <summary>What a sender signs: a template of <c>{body}</c>, <c>{timestamp}</c>, <c>{id}</c> and plain text between them.</summary>
/// <remarks>
/// Any two deliveries with different parts make different texts. If they did not, whoever has one signed delivery could move a
/// byte from one part into the next and have another one.
/// </remarks>
public sealed class SignedText
{
    /// <summary>The longest template, in characters.</summary>
    public const int LengthMax = 128;

    /// <summary>The longest id, in characters.</summary>
    public const int IdLengthMax = 255;

    private const string Digits = "0123456789";
    private const string IdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + Digits + "-_:/+=~@";

    private SignedText(string template, IReadOnlyList<SignedPart> parts)
    {
        Template = template;
        Parts = parts;
    }

    /// <summary>The characters of which ids are made. No dot among them: it divides what is signed in most schemes.</summary>
    public static SearchValues<char> IdCharacters { get; } = SearchValues.Create(IdAlphabet);

    /// <summary>As it was written.</summary>
    public string Template { get; }

    /// <summary>Its parts in their order.</summary>
    public IReadOnlyList<SignedPart> Parts { get; }

    /// <summary>Whether a time stamp is part of it.</summary>
    public bool HasTimestamp => Parts.Any(part => part is SignedPart.Timestamp);

    /// <summary>Whether the delivery's id is part of it.</summary>
    public bool HasId => Parts.Any(part => part is SignedPart.Id);

    /// <summary>Reads a template; null with what is wrong with it.</summary>
    public static SignedText? TryParse(string template, out string error)
    {
        var parts = new List<SignedPart>();
        error = PartsOf(template, parts) ?? AmbiguityIn(parts) ?? "";
        return error.Length == 0 ? new SignedText(template, parts) : null;
    }

    internal static SignedText Of(string template) => TryParse(template, out var error) ?? throw new ArgumentException(error, nameof(template));

    private static string? PartsOf(string template, List<SignedPart> parts)
    {
        if (template.Length is 0 or > LengthMax || template.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return $"must have 1 to {LengthMax} characters of printable ASCII";
        }

        for (var at = 0; at < template.Length;)
        {
            var end = template.IndexOfAny(['{', '}'], at + 1) is var next and >= 0 ? next : template.Length;

            if (template[at] is not ('{' or '}'))
            {
                parts.Add(new SignedPart.Text(template[at..end]));
                at = end;
                continue;
            }

            var placeholder = template[at..Math.Min(end + 1, template.Length)];
            SignedPart? part = placeholder switch
            {
                "{body}" => new SignedPart.Body(),
                "{timestamp}" => new SignedPart.Timestamp(),
                "{id}" => new SignedPart.Id(),
                _ => null,
            };

            if (part is null)
            {
                return $"{placeholder} is not known here; known: {{body}}, {{timestamp}}, {{id}}";
            }

            parts.Add(part);
            at += placeholder.Length;
        }

        return parts.Count(part => part is SignedPart.Body) != 1 ? "must have {body} once"
            : parts.GroupBy(part => part).Any(same => same.Key is not SignedPart.Text && same.Count() > 1) ? "must not have {timestamp} or {id} twice"
            : null;
    }

    // What is before the body can be divided again from the left when each value ends where a character follows that it cannot
    // have; what is behind it, from the right. The body itself may hold anything.
    private static string? AmbiguityIn(List<SignedPart> parts)
    {
        var body = parts.FindIndex(part => part is SignedPart.Body);

        for (var at = 0; at < parts.Count; at++)
        {
            if (AlphabetOf(parts[at]) is not { } alphabet)
            {
                continue;
            }

            var (neighbour, side) = at < body ? (parts[at + 1], "followed") : (parts[at - 1], "preceded");
            var divider = neighbour is SignedPart.Text { Value: var text } ? (at < body ? text[0] : text[^1]) : (char?)null;

            if (divider is null || alphabet.Contains(divider.Value))
            {
                return $"can be divided in two ways: {parts[at]} must be {side} by a character that it cannot have, such as a dot";
            }
        }

        return null;
    }

    private static string? AlphabetOf(SignedPart part) => part switch
    {
        SignedPart.Timestamp => Digits,
        SignedPart.Id => IdAlphabet,
        _ => null,
    };
}

/// <summary>A part of what is signed.</summary>
public abstract record SignedPart
{
    private SignedPart()
    {
    }

    /// <summary>The raw body.</summary>
    public sealed record Body : SignedPart
    {
        /// <inheritdoc />
        public override string ToString() => "{body}";
    }

    /// <summary>The time stamp, as its header has it.</summary>
    public sealed record Timestamp : SignedPart
    {
        /// <inheritdoc />
        public override string ToString() => "{timestamp}";
    }

    /// <summary>The delivery's id, as its header has it.</summary>
    public sealed record Id : SignedPart
    {
        /// <inheritdoc />
        public override string ToString() => "{id}";
    }

    /// <summary>Printable ASCII that is always the same.</summary>
    public sealed record Text(string Value) : SignedPart;
}
