using System.Text.RegularExpressions;

namespace Mesh.Cli.Output;

/// <summary>Ids as people read them: the last 8 digits of a UUID. Every verb takes either form.</summary>
internal static partial class ShortId
{
    private const int Length = 8;

    public static string Of(string id) => id.Length > Length ? id[^Length..] : id;

    /// <summary>A text with all its UUIDs in the short form.</summary>
    public static string InText(string text) => Uuid().Replace(text, id => Of(id.Value));

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();
}
