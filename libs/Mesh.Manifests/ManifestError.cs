using System.Globalization;

namespace Mesh.Manifests;

/// <summary>What is wrong with a manifest, and where.</summary>
/// <param name="File">The name that the caller gave the file; empty for canonical JSON.</param>
/// <param name="Line">Counted from 1; 0 when there is no line to name.</param>
/// <param name="Column">Counted from 1; 0 when there is no column to name.</param>
/// <param name="Field">The path of the field, such as <c>spec.rules[2].when.tool</c>; empty for the whole document.</param>
/// <param name="Message">What is wrong, naming the limit that was passed.</param>
public sealed record ManifestError(string File, int Line, int Column, string Field, string Message)
{
    /// <summary>The error on one line, as a compiler would print it.</summary>
    public override string ToString()
    {
        var place = Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}: ") : File.Length > 0 ? $"{File}: " : "";
        return Field.Length > 0 ? $"{place}{Field}: {Message}" : $"{place}{Message}";
    }
}
