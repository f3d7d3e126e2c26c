using System.Collections.Frozen;

namespace Mesh.Policy.Evaluation;

/// <summary>What a rule sees of one attribute.</summary>
internal abstract record AttributeValue
{
    internal sealed record Text(string Value) : AttributeValue;

    internal sealed record Whole(long Value) : AttributeValue;

    internal sealed record Flag(bool Value) : AttributeValue;

    internal sealed record Labels(FrozenSet<string> Values) : AttributeValue;

    /// <summary>Present, and of no type that rules can compare (null, a fraction, an object).</summary>
    internal sealed record Opaque : AttributeValue;

    public static Labels LabelsOf(IEnumerable<string> values) => new(values.ToFrozenSet(StringComparer.Ordinal));
}
