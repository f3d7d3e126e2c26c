using System.Globalization;

namespace Mesh.Manifests.Source;

/// <summary>Where a field stands in its document, as errors name it: <c>spec.rules[2].when.tool</c>.</summary>
internal readonly record struct FieldPath(string Text)
{
    public static FieldPath Root => new(string.Empty);

    public FieldPath At(string name)
    {
        // A name that could be taken for two steps is quoted.
        var plain = name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '$');

        return plain
            ? new FieldPath(Text is null or "" ? name : $"{Text}.{name}")
            : new FieldPath($"{Text}[\"{name}\"]");
    }

    public FieldPath At(int index) => new(string.Create(CultureInfo.InvariantCulture, $"{Text}[{index}]"));

    public override string ToString() => Text ?? string.Empty;
}
