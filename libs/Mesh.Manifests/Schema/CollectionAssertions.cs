using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Schema;

internal sealed class CountAssertion(JsonValueKind kind, long? min, long? max) : Assertion
{
    private readonly string what = kind == JsonValueKind.Array ? "items" : "members";

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != kind)
        {
            return true;
        }

        var count = kind == JsonValueKind.Array ? instance.GetArrayLength() : instance.GetPropertyCount();

        return (min is null || count >= min || run.Miss(at, $"must have at least {min} {what}"))
            && (max is null || count <= max || run.Miss(at, $"must have at most {max} {what}"));
    }
}

internal sealed class RequiredAssertion(IReadOnlyList<string> names) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        var isValid = true;

        foreach (var name in names)
        {
            isValid &= instance.TryGetProperty(name, out _) || run.Miss(at, $"the member {name} is required");
        }

        return isValid;
    }
}

internal sealed class DependentRequiredAssertion(IReadOnlyDictionary<string, IReadOnlyList<string>> needs) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        var isValid = true;

        foreach (var (given, names) in needs.Where(n => instance.TryGetProperty(n.Key, out _)))
        {
            foreach (var name in names)
            {
                isValid &= instance.TryGetProperty(name, out _) || run.Miss(at, $"the member {name} is required when {given} is given");
            }
        }

        return isValid;
    }
}

internal sealed class DependentSchemasAssertion(IReadOnlyDictionary<string, SchemaNode> schemas) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => schemas.Values;

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        var isValid = true;

        foreach (var (_, schema) in schemas.Where(s => instance.TryGetProperty(s.Key, out _)))
        {
            isValid &= schema.Check(instance, at, run);
        }

        return isValid;
    }
}

internal sealed class PropertyNamesAssertion(SchemaNode names) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        var isValid = true;

        foreach (var property in instance.EnumerateObject())
        {
            var name = JsonElement.Parse($"\"{JsonEncodedText.Encode(property.Name)}\"");
            isValid &= names.Check(name, at.At(property.Name), run);
        }

        return isValid;
    }
}

/// <summary><c>properties</c>, <c>patternProperties</c> and <c>additionalProperties</c>: the last needs to know the others.</summary>
internal sealed class PropertiesAssertion(
    IReadOnlyDictionary<string, SchemaNode> named,
    IReadOnlyList<(Regex Pattern, SchemaNode Schema)> patterned,
    SchemaNode? additional,
    bool areOthersRefused) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Object)
        {
            return true;
        }

        var isValid = true;

        foreach (var property in instance.EnumerateObject())
        {
            isValid &= CheckOne(property, at, run);

            if (run.IsOver || (run.IsQuiet && !isValid))
            {
                return false;
            }
        }

        return isValid;
    }

    private bool CheckOne(JsonProperty property, InstancePath at, Evaluation run)
    {
        var below = at.At(property.Name);
        var isKnown = named.TryGetValue(property.Name, out var schema);
        var isValid = schema?.Check(property.Value, below, run) ?? true;

        foreach (var (pattern, patternSchema) in patterned)
        {
            if (PatternAssertion.IsMatch(pattern, property.Name, below, run))
            {
                isKnown = true;
                isValid &= patternSchema.Check(property.Value, below, run);
            }
        }

        if (isKnown || additional is null)
        {
            return isValid && !run.IsOver;
        }

        return areOthersRefused ? run.Miss(below, "is not a member that is allowed here") : additional.Check(property.Value, below, run);
    }
}

/// <summary><c>prefixItems</c> and <c>items</c>.</summary>
internal sealed class ItemsAssertion(IReadOnlyList<SchemaNode> prefix, SchemaNode? rest) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Array)
        {
            return true;
        }

        var isValid = true;
        var index = 0;

        foreach (var item in instance.EnumerateArray())
        {
            var schema = index < prefix.Count ? prefix[index] : rest;
            isValid &= schema?.Check(item, at.At(index), run) ?? true;
            index++;

            if (run.IsOver || (run.IsQuiet && !isValid))
            {
                return false;
            }
        }

        return isValid;
    }
}

internal sealed class ContainsAssertion(SchemaNode contains, long min, long? max) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Array)
        {
            return true;
        }

        var index = 0;
        var count = instance.EnumerateArray().LongCount(item => run.Try(contains, item, at.At(index++)));

        return (count >= min || run.Miss(at, $"must contain at least {min} items of the required kind, has {count}"))
            && (max is null || count <= max || run.Miss(at, $"must contain at most {max} items of the bounded kind, has {count}"));
    }
}

internal sealed class UniqueItemsAssertion : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Array)
        {
            return true;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        return instance.EnumerateArray().All(item => seen.Add(JsonIdentity.Of(item))) || run.Miss(at, "must not contain the same item twice");
    }
}
