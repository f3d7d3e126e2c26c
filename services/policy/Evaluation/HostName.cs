using System.Text.RegularExpressions;

namespace Mesh.Policy.Evaluation;

/// <summary>What is a host name: letters, digits, hyphens and underscores between dots, and perhaps a dot at the end.</summary>
internal static partial class HostName
{
    private const int LengthMax = 253;

    public static bool IsOne(string text) => text.Length <= LengthMax + 1 && Pattern().IsMatch(text);

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
