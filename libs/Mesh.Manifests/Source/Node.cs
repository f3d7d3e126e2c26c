using System.Diagnostics.CodeAnalysis;

namespace Mesh.Manifests.Source;

/// <summary>A value as the user wrote it, with the place where it stands.</summary>
/// <param name="Line">Counted from 1; 0 when the value was read from canonical JSON, which has no lines.</param>
/// <param name="Column">Counted from 1; 0 when the value was read from canonical JSON.</param>
internal abstract record Node(int Line, int Column)
{
    /// <summary>What this is, in the words of an error message.</summary>
    public abstract string Described { get; }
}

internal sealed record MapEntry(string Name, int Line, int Column, Node Value);

internal sealed record MapNode(IReadOnlyList<MapEntry> Entries, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "a map";

    // Manifests are small and have few fields each: a scan beats an index. Open maps (a schema's properties) are
    // walked, not looked up.
    public bool TryGet(string name, [NotNullWhen(true)] out MapEntry? entry)
    {
        entry = Entries.FirstOrDefault(e => e.Name == name);
        return entry is not null;
    }
}

internal sealed record ListNode(IReadOnlyList<Node> Items, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "a list";
}

internal sealed record TextNode(string Value, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "a string";
}

internal sealed record WholeNode(long Value, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "an integer";
}

/// <summary>A number with a fraction. It only occurs where any JSON may stand, such as in a schema.</summary>
internal sealed record FractionNode(double Value, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "a decimal number";
}

internal sealed record FlagNode(bool Value, int Line, int Column) : Node(Line, Column)
{
    public override string Described => "a boolean";
}

internal sealed record NullNode(int Line, int Column) : Node(Line, Column)
{
    public override string Described => "null";
}
