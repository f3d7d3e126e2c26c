using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Mesh.Manifests.Source;

/// <summary>Reads the strict YAML that manifests are written in.</summary>
/// <remarks>
/// The reader walks the event stream itself: nothing is expanded (no anchors, aliases, merge keys), nothing is
/// constructed (no tags), and the depth is bounded before a deeper level is entered.
/// </remarks>
internal sealed class YamlSource
{
    public const int DepthMax = 16;
    public const int DocumentsMax = 200;

    private readonly Scanner scanner;
    private readonly Parser parser;
    private readonly Findings findings;

    private YamlSource(string text, Findings findings)
    {
        scanner = new Scanner(new StringReader(text));
        parser = new Parser(scanner);
        this.findings = findings;
    }

    public static IReadOnlyList<Node> Read(string text, Findings findings)
    {
        if (!HasOnlyPlainCharacters(text, findings))
        {
            return [];
        }

        var source = new YamlSource(text, findings);
        var documents = new List<Node>();

        try
        {
            source.ReadDocuments(documents);
        }
        catch (YamlException e)
        {
            // The parser cannot go on behind a syntax error; what came before it is still reported. Its own marks often name
            // the start of the construct around the problem, so the place is where its scanner stopped.
            var place = e is RefusedYamlException ? e.Start : source.scanner.CurrentPosition;
            findings.Add((int)place.Line, (int)place.Column, FieldPath.Root, e is RefusedYamlException ? e.Message : $"not valid YAML: {Sentence(e.Message)}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException or OverflowException)
        {
            // Some damaged files bring the parser into a state that it does not expect itself. They are no YAML either.
            var place = source.scanner.CurrentPosition;
            findings.Add((int)place.Line, (int)place.Column, FieldPath.Root, "not valid YAML: unreadable from here on");
        }

        return documents;
    }

    private void ReadDocuments(List<Node> documents)
    {
        parser.Consume<StreamStart>();

        while (!parser.TryConsume<StreamEnd>(out _))
        {
            var start = parser.Consume<DocumentStart>();

            if (start.Version is not null || HasOwnTags(start))
            {
                throw Refused(start, "directives (%YAML, %TAG) are not allowed");
            }

            var root = ReadNode(FieldPath.Root, 1);
            parser.Consume<DocumentEnd>();

            if (root is NullNode)
            {
                continue;
            }

            if (documents.Count == DocumentsMax)
            {
                throw Refused(start, $"a file holds at most {DocumentsMax} documents");
            }

            documents.Add(root);
        }
    }

    private Node ReadNode(FieldPath path, int depth)
    {
        if (depth > DepthMax)
        {
            throw Refused(parser.Current!, $"nested deeper than {DepthMax} levels");
        }

        switch (parser.Consume<ParsingEvent>())
        {
            case AnchorAlias alias:
                throw Refused(alias, "aliases (*name) are not allowed");

            case Scalar scalar:
                return ReadScalar(scalar, path);

            case SequenceStart start:
                RefuseProperties(start, path);
                return ReadList(start, path, depth);

            case MappingStart start:
                RefuseProperties(start, path);
                return ReadMap(start, path, depth);

            case var other:
                throw Refused(other, "a value was expected here");
        }
    }

    private ListNode ReadList(SequenceStart start, FieldPath path, int depth)
    {
        var items = new List<Node>();

        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode(path.At(items.Count), depth + 1));
        }

        return new ListNode(items, Line(start), Column(start));
    }

    private MapNode ReadMap(MappingStart start, FieldPath path, int depth)
    {
        var entries = new List<MapEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);

        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadKey(path);
            var entry = new MapEntry(key.Value, Line(key), Column(key), ReadNode(path.At(key.Value), depth + 1));

            if (names.Add(key.Value))
            {
                entries.Add(entry);
            }
            else
            {
                findings.Add(entry.Line, entry.Column, path.At(key.Value), "this field is given twice");
            }
        }

        return new MapNode(entries, Line(start), Column(start));
    }

    private Scalar ReadKey(FieldPath path)
    {
        switch (parser.Consume<ParsingEvent>())
        {
            case Scalar scalar:
                RefuseProperties(scalar, path);

                if (scalar is { Style: ScalarStyle.Plain, Value: "<<" })
                {
                    throw Refused(scalar, "merge keys (<<) are not allowed");
                }

                if (scalar is { Style: ScalarStyle.Plain, Value: "" })
                {
                    throw Refused(scalar, "a field name is missing");
                }

                RefuseBadText(scalar, path);
                return scalar;

            case AnchorAlias alias:
                throw Refused(alias, "aliases (*name) are not allowed");

            case var other:
                throw Refused(other, "a field name must be a string");
        }
    }

    private Node ReadScalar(Scalar scalar, FieldPath path)
    {
        RefuseProperties(scalar, path);
        RefuseBadText(scalar, path);

        if (scalar.Style != ScalarStyle.Plain)
        {
            return new TextNode(scalar.Value, Line(scalar), Column(scalar));
        }

        var node = PlainScalar.Read(scalar.Value, Line(scalar), Column(scalar), out var refusal);

        if (node is null)
        {
            findings.Add(Line(scalar), Column(scalar), path, refusal);
            return new TextNode(scalar.Value, Line(scalar), Column(scalar));
        }

        return node;
    }

    private void RefuseProperties(NodeEvent node, FieldPath path)
    {
        if (!node.Anchor.IsEmpty)
        {
            findings.Add(Line(node), Column(node), path, "anchors (&name) are not allowed");
        }

        if (!node.Tag.IsEmpty)
        {
            findings.Add(Line(node), Column(node), path, "tags (!name) are not allowed");
        }
    }

    private void RefuseBadText(Scalar scalar, FieldPath path)
    {
        // Escapes in double quotes can write what the file itself may not hold.
        if (scalar.Value.Contains('\0', StringComparison.Ordinal))
        {
            findings.Add(Line(scalar), Column(scalar), path, "the character U+0000 is not allowed");
        }

        if (!IsWellFormed(scalar.Value))
        {
            findings.Add(Line(scalar), Column(scalar), path, "half of a surrogate pair is not allowed");
        }
    }

    private static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool HasOnlyPlainCharacters(string text, Findings findings)
    {
        var line = 1;
        var column = 1;

        foreach (var rune in text.EnumerateRunes())
        {
            // YAML 1.1 readers end a line at U+0085, U+2028 and U+2029, YAML 1.2 readers do not.
            var bad = rune.Value is 0x7F or 0xFEFF or 0x2028 or 0x2029 or (>= 0x80 and <= 0x9F)
                || (rune.Value < 0x20 && rune.Value is not (0x09 or 0x0A or 0x0D));

            if (bad)
            {
                findings.Add(line, column, FieldPath.Root, $"the character U+{rune.Value:X4} is not allowed here");
                return false;
            }

            (line, column) = rune.Value == '\n' ? (line + 1, 1) : (line, column + 1);
        }

        return true;
    }

    private static bool HasOwnTags(DocumentStart start) =>
        start.Tags is not null && start.Tags.Any(tag => tag is not ({ Handle: "!", Prefix: "!" } or { Handle: "!!", Prefix: "tag:yaml.org,2002:" }));

    private static int Line(ParsingEvent at) => (int)at.Start.Line;

    private static int Column(ParsingEvent at) => (int)at.Start.Column;

    private static RefusedYamlException Refused(ParsingEvent at, string message) => new(at.Start, message);

    private static string Sentence(string message)
    {
        var text = new StringBuilder(message).Replace("\r", " ").Replace("\n", " ").ToString().Trim().TrimEnd('.');
        return text.Length == 0 ? "unreadable" : text.Length > 200 ? text[..200] : text;
    }

    /// <summary>What this profile refuses although it is YAML; the reading ends there.</summary>
    private sealed class RefusedYamlException(Mark at, string message) : YamlException(at, at, message);
}
