using System.Text.Json;

namespace Mesh.Manifests.Schema;

/// <summary>One keyword (or keywords that only mean something together) of a schema.</summary>
internal abstract class Assertion
{
    /// <summary>Subschemas that this applies to the very same value.</summary>
    public virtual IEnumerable<SchemaNode> InPlace => [];

    public abstract bool Check(JsonElement instance, InstancePath at, Evaluation run);
}

/// <summary>The schema <c>false</c>.</summary>
internal sealed class Nothing : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) => run.Miss(at, "is not allowed here");
}

internal sealed class TypeAssertion(IReadOnlyList<string> types) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) =>
        types.Any(t => Is(instance, t)) || run.Miss(at, $"must be {string.Join(" or ", types)}");

    private static bool Is(JsonElement instance, string type) => type switch
    {
        "null" => instance.ValueKind == JsonValueKind.Null,
        "boolean" => instance.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "object" => instance.ValueKind == JsonValueKind.Object,
        "array" => instance.ValueKind == JsonValueKind.Array,
        "string" => instance.ValueKind == JsonValueKind.String,
        "number" => instance.ValueKind == JsonValueKind.Number,
        _ => instance.ValueKind == JsonValueKind.Number && ExactNumber.TryRead(instance, out var number) && number.IsInteger,
    };
}

internal sealed class EnumAssertion(IReadOnlySet<string> identities, string described) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) =>
        identities.Contains(JsonIdentity.Of(instance)) || run.Miss(at, described);
}

internal sealed class ReferenceAssertion(Lazy<SchemaNode> target) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => [target.Value];

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) => target.Value.Check(instance, at, run);
}

internal sealed class AllOfAssertion(IReadOnlyList<SchemaNode> all) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => all;

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        var isValid = true;

        foreach (var schema in all)
        {
            isValid &= schema.Check(instance, at, run);
        }

        return isValid;
    }
}

internal sealed class AnyOfAssertion(IReadOnlyList<SchemaNode> any) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => any;

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) =>
        any.Any(s => run.Try(s, instance, at)) || run.Miss(at, $"matches none of the {any.Count} alternatives (anyOf)");
}

internal sealed class OneOfAssertion(IReadOnlyList<SchemaNode> one) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => one;

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        var matches = one.Count(s => run.Try(s, instance, at));
        return matches == 1 || run.Miss(at, $"matches {matches} of the {one.Count} alternatives, must match exactly one (oneOf)");
    }
}

internal sealed class NotAssertion(SchemaNode not) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => [not];

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) =>
        !run.Try(not, instance, at) || run.Miss(at, "matches what is excluded (not)");
}

internal sealed class ConditionAssertion(SchemaNode test, SchemaNode? then, SchemaNode? otherwise) : Assertion
{
    public override IEnumerable<SchemaNode> InPlace => new[] { test, then, otherwise }.OfType<SchemaNode>();

    public override bool Check(JsonElement instance, InstancePath at, Evaluation run) =>
        (run.Try(test, instance, at) ? then : otherwise)?.Check(instance, at, run) ?? true;
}
