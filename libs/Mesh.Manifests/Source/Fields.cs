using System.Globalization;
using System.Text.Json;

namespace Mesh.Manifests.Source;

/// <summary>Reads the fields of one map, and knows at the end which ones nobody asked for.</summary>
/// <remarks>A field that is wrong is recorded and answered with a harmless value, so that one reading finds every error.</remarks>
internal sealed class Fields(MapNode map, FieldPath path, Findings findings)
{
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    public FieldPath Path => path;

    public Findings Findings => findings;

    public MapNode Map => map;

    public static Fields? Of(Node node, FieldPath path, Findings findings)
    {
        if (node is MapNode map)
        {
            return new Fields(map, path, findings);
        }

        findings.Add(node, path, $"must be a map, is {node.Described}");
        return null;
    }

    public bool Has(string name) => map.TryGet(name, out _);

    public Node? Optional(string name)
    {
        asked.Add(name);

        if (!map.TryGet(name, out var entry))
        {
            return null;
        }

        if (entry.Value is NullNode)
        {
            findings.Add(entry.Line, entry.Column, path.At(name), "has no value");
            return null;
        }

        return entry.Value;
    }

    public Node? Required(string name)
    {
        if (!map.TryGet(name, out _))
        {
            asked.Add(name);
            findings.Add(map, path.At(name), "is required");
            return null;
        }

        return Optional(name);
    }

    public Fields? OptionalMap(string name) => Optional(name) is { } node ? Of(node, path.At(name), findings) : null;

    public Fields? RequiredMap(string name) => Required(name) is { } node ? Of(node, path.At(name), findings) : null;

    public string? OptionalText(string name, int lengthMax) => Optional(name) is { } node ? TextOf(node, path.At(name), lengthMax) : null;

    public string RequiredText(string name, int lengthMax) => Required(name) is { } node ? TextOf(node, path.At(name), lengthMax) ?? "" : "";

    public string RequiredName(string name) => NameOf(Required(name), name, Source.NameOf.Plain) ?? "";

    public string? OptionalName(string name) => NameOf(Optional(name), name, Source.NameOf.Plain);

    public string RequiredToolName(string name) => NameOf(Required(name), name, Source.NameOf.Tool) ?? "";

    public long? OptionalWhole(string name, long min, long max) => Optional(name) is { } node ? WholeOf(node, path.At(name), min, max) : null;

    public long RequiredWhole(string name, long min, long max) => Required(name) is { } node ? WholeOf(node, path.At(name), min, max) ?? min : min;

    public bool? OptionalFlag(string name)
    {
        switch (Optional(name))
        {
            case null:
                return null;
            case FlagNode flag:
                return flag.Value;
            case var other:
                findings.Add(other, path.At(name), $"must be true or false, is {other.Described}");
                return null;
        }
    }

    public bool RequiredFlag(string name) => Required(name) is not null && (OptionalFlag(name) ?? false);

    public TimeSpan? OptionalDuration(string name, TimeSpan max) =>
        Optional(name) is { } node && TextOf(node, path.At(name), 32) is { } text ? DurationOf(node, text, path.At(name), max) : null;

    public TimeSpan RequiredDuration(string name, TimeSpan max) =>
        Required(name) is { } node && TextOf(node, path.At(name), 32) is { } text ? DurationOf(node, text, path.At(name), max) : TimeSpan.Zero;

    /// <summary>One of a closed set of words.</summary>
    public T Choice<T>(string name, IReadOnlyDictionary<string, T> choices, T absent, bool isRequired = true)
        where T : struct
    {
        var node = isRequired ? Required(name) : Optional(name);
        return node is null ? absent : ChoiceOf(node, path.At(name), choices) ?? absent;
    }

    public T? ChoiceOf<T>(Node node, FieldPath at, IReadOnlyDictionary<string, T> choices)
        where T : struct
    {
        if (TextOf(node, at, 64) is not { } text)
        {
            return null;
        }

        if (choices.TryGetValue(text, out var choice))
        {
            return choice;
        }

        findings.Add(node, at, $"must be one of {string.Join(", ", choices.Keys)}");
        return null;
    }

    /// <summary>The items of a list with their paths; empty when the field is absent or wrong.</summary>
    public IReadOnlyList<(Node Node, FieldPath Path)> Items(string name, int min, int max, bool isRequired)
    {
        var at = path.At(name);

        switch (isRequired ? Required(name) : Optional(name))
        {
            case null:
                return [];

            case ListNode list when list.Items.Count >= min && list.Items.Count <= max:
                return [.. list.Items.Select((item, i) => (item, at.At(i)))];

            case ListNode list:
                findings.Add(list, at, string.Create(CultureInfo.InvariantCulture, $"must have {min} to {max} items, has {list.Items.Count}"));
                return [];

            case var other:
                findings.Add(other, at, $"must be a list, is {other.Described}");
                return [];
        }
    }

    /// <summary>A list of different texts that each pass a check.</summary>
    public IReadOnlyList<string> Texts(string name, int min, int max, bool isRequired, Func<string, string?> errorIn)
    {
        var texts = new List<string>();

        foreach (var (node, at) in Items(name, min, max, isRequired))
        {
            if (TextOf(node, at, 1024) is not { } text)
            {
                continue;
            }

            if (errorIn(text) is { } error)
            {
                findings.Add(node, at, error);
            }
            else if (texts.Contains(text))
            {
                findings.Add(node, at, "is listed twice");
            }
            else
            {
                texts.Add(text);
            }
        }

        return texts;
    }

    public string? TextOf(Node node, FieldPath at, int lengthMax)
    {
        if (node is not TextNode text)
        {
            findings.Add(node, at, $"must be a string, is {node.Described}; quote it if a string is meant");
            return null;
        }

        if (text.Value.Length == 0 || text.Value.Length > lengthMax)
        {
            findings.Add(node, at, $"must have 1 to {lengthMax} characters, has {text.Value.Length}");
            return null;
        }

        return text.Value;
    }

    /// <summary>Any JSON, where a template or a schema stands.</summary>
    public static JsonElement Json(Node node) => JsonSource.ToElement(node);

    /// <summary>Fields that the manifest language has but this version does not act on. Ignoring one would be a false promise.</summary>
    public void NotYet(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            asked.Add(name);

            if (map.TryGet(name, out var entry))
            {
                findings.Add(entry.Line, entry.Column, path.At(name), "is not available yet; nothing would act on it");
            }
        }
    }

    public void Refuse(string name, string message)
    {
        if (map.TryGet(name, out var entry))
        {
            findings.Add(entry.Value, path.At(name), message);
        }
        else
        {
            findings.Add(map, path.At(name), message);
        }
    }

    /// <summary>Refuses every field that was not asked for. Called once, when all were.</summary>
    public void Close()
    {
        foreach (var entry in map.Entries.Where(e => !asked.Contains(e.Name)))
        {
            findings.Add(entry.Line, entry.Column, path.At(entry.Name), $"is not a known field; known here: {string.Join(", ", asked.Order(StringComparer.Ordinal))}");
        }
    }

    private string? NameOf(Node? node, string name, NameOf kind)
    {
        if (node is null || TextOf(node, path.At(name), 256) is not { } text)
        {
            return null;
        }

        var error = kind == Source.NameOf.Tool ? NameErrors.InTool(text) : NameErrors.InName(text);

        if (error is null)
        {
            return text;
        }

        findings.Add(node, path.At(name), error);
        return null;
    }

    private long? WholeOf(Node node, FieldPath at, long min, long max)
    {
        if (node is not WholeNode whole)
        {
            findings.Add(node, at, $"must be an integer, is {node.Described}");
            return null;
        }

        if (whole.Value < min || whole.Value > max)
        {
            findings.Add(node, at, string.Create(CultureInfo.InvariantCulture, $"must be {min} to {max}"));
            return null;
        }

        return whole.Value;
    }

    private TimeSpan DurationOf(Node node, string text, FieldPath at, TimeSpan max)
    {
        if (Durations.TryParse(text, out var duration) && duration > TimeSpan.Zero && duration <= max)
        {
            return duration;
        }

        findings.Add(node, at, $"must be a duration such as 30s, 5m, 24h or 7d, above zero and at most {Durations.Format(max)}");
        return TimeSpan.Zero;
    }
}

internal enum NameOf
{
    Plain,
    Tool,
}
