using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Schema;

/// <summary>Reads the assertion keywords of one schema object.</summary>
internal sealed class SchemaKeywords(SchemaCompiler compiler, JsonElement schema, string pointer)
{
    private static readonly HashSet<string> Types = new(StringComparer.Ordinal)
    {
        "null", "boolean", "object", "array", "number", "string", "integer",
    };

    /// <summary>False when the keyword is not an assertion. Keywords that belong together are read by the first of them.</summary>
    public bool TryRead(string keyword, JsonElement value, string at, out Assertion? assertion)
    {
        var isKnown = true;

        assertion = keyword switch
        {
            "type" => Type(value, at),
            "enum" => Enum(value, at),
            "const" => new EnumAssertion(new HashSet<string> { JsonIdentity.Of(value) }, $"must be {Shortened(value)}"),
            "minimum" => Number(Bound.Minimum, value, at),
            "exclusiveMinimum" => Number(Bound.ExclusiveMinimum, value, at),
            "maximum" => Number(Bound.Maximum, value, at),
            "exclusiveMaximum" => Number(Bound.ExclusiveMaximum, value, at),
            "multipleOf" => Number(Bound.MultipleOf, value, at),
            "minLength" => Count(value, at) is { } n ? new LengthAssertion(n, null) : null,
            "maxLength" => Count(value, at) is { } n ? new LengthAssertion(null, n) : null,
            "minItems" => Count(value, at) is { } n ? new CountAssertion(JsonValueKind.Array, n, null) : null,
            "maxItems" => Count(value, at) is { } n ? new CountAssertion(JsonValueKind.Array, null, n) : null,
            "minProperties" => Count(value, at) is { } n ? new CountAssertion(JsonValueKind.Object, n, null) : null,
            "maxProperties" => Count(value, at) is { } n ? new CountAssertion(JsonValueKind.Object, null, n) : null,
            "pattern" => Pattern(value, at),
            "uniqueItems" => Unique(value, at),
            "required" => Names(value, at) is { } names ? new RequiredAssertion(names) : null,
            "dependentRequired" => DependentRequired(value, at),
            "dependentSchemas" => new DependentSchemasAssertion(Map(value, at)),
            "propertyNames" => new PropertyNamesAssertion(compiler.Read(value, at)),
            "allOf" => new AllOfAssertion(List(value, at)),
            "anyOf" => new AnyOfAssertion(List(value, at)),
            "oneOf" => new OneOfAssertion(List(value, at)),
            "not" => new NotAssertion(compiler.Read(value, at)),
            "properties" or "patternProperties" or "additionalProperties" => FirstOf(keyword, Properties, "properties", "patternProperties", "additionalProperties"),
            "items" or "prefixItems" => FirstOf(keyword, Items, "prefixItems", "items"),
            "contains" => Contains(value, at),
            "if" => Condition(value, at),
            "minContains" or "maxContains" => Beside(value, at, "contains"),
            "then" or "else" => Alone(value, at),
            _ => Unknown(out isKnown),
        };

        return isKnown;
    }

    public Dictionary<string, SchemaNode> Map(JsonElement value, string at)
    {
        var map = new Dictionary<string, SchemaNode>(StringComparer.Ordinal);

        if (value.ValueKind != JsonValueKind.Object)
        {
            compiler.Refuse(at, "must be an object of schemas");
            return map;
        }

        foreach (var property in value.EnumerateObject())
        {
            map[property.Name] = compiler.Read(property.Value, $"{at}/{InstancePath.Escape(property.Name)}");
        }

        return map;
    }

    private static Assertion? Unknown(out bool isKnown)
    {
        isKnown = false;
        return null;
    }

    // The group is read once, when its first present keyword comes by.
    private Assertion? FirstOf(string keyword, Func<Assertion> read, params ReadOnlySpan<string> group)
    {
        foreach (var name in group)
        {
            if (schema.TryGetProperty(name, out _))
            {
                return name == keyword ? read() : null;
            }
        }

        return null;
    }

    private PropertiesAssertion Properties()
    {
        var named = schema.TryGetProperty("properties", out var properties) ? Map(properties, $"{pointer}/properties") : [];
        var patterned = new List<(Regex, SchemaNode)>();

        if (schema.TryGetProperty("patternProperties", out var patterns))
        {
            foreach (var (written, node) in Map(patterns, $"{pointer}/patternProperties"))
            {
                if (compiler.Pattern(written, $"{pointer}/patternProperties/{InstancePath.Escape(written)}") is { } pattern)
                {
                    patterned.Add((pattern, node));
                }
            }
        }

        var hasAdditional = schema.TryGetProperty("additionalProperties", out var additional);

        return new PropertiesAssertion(
            named,
            patterned,
            hasAdditional ? compiler.Read(additional, $"{pointer}/additionalProperties") : null,
            hasAdditional && additional.ValueKind == JsonValueKind.False);
    }

    private ItemsAssertion Items() => new(
        schema.TryGetProperty("prefixItems", out var prefix) ? List(prefix, $"{pointer}/prefixItems") : [],
        schema.TryGetProperty("items", out var items) ? compiler.Read(items, $"{pointer}/items") : null);

    private ContainsAssertion Contains(JsonElement value, string at) => new(
        compiler.Read(value, at),
        schema.TryGetProperty("minContains", out var min) ? Count(min, $"{pointer}/minContains") ?? 1 : 1,
        schema.TryGetProperty("maxContains", out var max) ? Count(max, $"{pointer}/maxContains") : null);

    private ConditionAssertion Condition(JsonElement value, string at) => new(
        compiler.Read(value, at),
        schema.TryGetProperty("then", out var then) ? compiler.Read(then, $"{pointer}/then") : null,
        schema.TryGetProperty("else", out var otherwise) ? compiler.Read(otherwise, $"{pointer}/else") : null);

    // Means nothing without its partner, but must still be well formed.
    private Assertion? Beside(JsonElement value, string at, string partner)
    {
        if (!schema.TryGetProperty(partner, out _))
        {
            Count(value, at);
        }

        return null;
    }

    private Assertion? Alone(JsonElement value, string at)
    {
        if (!schema.TryGetProperty("if", out _))
        {
            compiler.Read(value, at);
        }

        return null;
    }

    private Assertion? Type(JsonElement value, string at)
    {
        var types = value.ValueKind == JsonValueKind.String ? [value.GetString()!] : Names(value, at);

        if (types is null)
        {
            return null;
        }

        return types.Count > 0 && types.All(Types.Contains)
            ? new TypeAssertion(types)
            : compiler.Refuse(at, $"must be one or several of {string.Join(", ", Types)}");
    }

    private Assertion? Enum(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            return compiler.Refuse(at, "must be a list of at least one value");
        }

        var described = value.GetArrayLength() <= 10
            ? $"must be one of {string.Join(", ", value.EnumerateArray().Select(Shortened))}"
            : $"must be one of {value.GetArrayLength()} listed values";

        return new EnumAssertion(value.EnumerateArray().Select(JsonIdentity.Of).ToHashSet(StringComparer.Ordinal), described);
    }

    private Assertion? Number(Bound bound, JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Number || !ExactNumber.TryRead(value, out var limit))
        {
            return compiler.Refuse(at, "must be a number");
        }

        return bound == Bound.MultipleOf && limit.Mantissa.Sign <= 0
            ? compiler.Refuse(at, "must be above 0")
            : new NumberAssertion(bound, limit, value.GetRawText());
    }

    private Assertion? Pattern(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return compiler.Refuse(at, "must be a string");
        }

        var written = value.GetString()!;
        return compiler.Pattern(written, at) is { } pattern ? new PatternAssertion(pattern, written) : null;
    }

    private Assertion? Unique(JsonElement value, string at) => value.ValueKind switch
    {
        JsonValueKind.True => new UniqueItemsAssertion(),
        JsonValueKind.False => null,
        _ => compiler.Refuse(at, "must be a boolean"),
    };

    private Assertion? DependentRequired(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return compiler.Refuse(at, "must be an object of lists of names");
        }

        var needs = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);

        foreach (var property in value.EnumerateObject())
        {
            needs[property.Name] = Names(property.Value, $"{at}/{InstancePath.Escape(property.Name)}") ?? [];
        }

        return new DependentRequiredAssertion(needs);
    }

    private List<SchemaNode> List(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            compiler.Refuse(at, "must be a list of at least one schema");
            return [];
        }

        return [.. value.EnumerateArray().Select((s, i) => compiler.Read(s, $"{at}/{i}"))];
    }

    private List<string>? Names(JsonElement value, string at)
    {
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(n => n.ValueKind == JsonValueKind.String))
        {
            List<string> names = [.. value.EnumerateArray().Select(n => n.GetString()!)];

            if (names.Distinct(StringComparer.Ordinal).Count() == names.Count)
            {
                return names;
            }
        }

        compiler.Refuse(at, "must be a list of different strings");
        return null;
    }

    private long? Count(JsonElement value, string at)
    {
        // 2.0 is the integer 2.
        if (value.ValueKind == JsonValueKind.Number && ExactNumber.TryRead(value, out var number) && number.IsInteger
            && number.Mantissa.Sign >= 0 && number.CompareTo(ExactNumber.From(int.MaxValue)) <= 0)
        {
            return (long)(number.Mantissa * System.Numerics.BigInteger.Pow(10, number.Exponent));
        }

        compiler.Refuse(at, $"must be an integer from 0 to {int.MaxValue}");
        return null;
    }

    private static string Shortened(JsonElement value) => value.GetRawText() is { Length: <= 60 } text ? text : $"{value.GetRawText().AsSpan(0, 60)}…";
}
