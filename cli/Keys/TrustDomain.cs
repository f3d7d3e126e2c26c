using System.Text.RegularExpressions;

namespace Mesh.Cli.Keys;

/// <summary>The trust domain of a mesh, the first part of every identity in it.</summary>
internal static partial class TrustDomain
{
    public const string Limit = "1 to 200 characters of a-z, 0-9, dot and hyphen, starting and ending with a letter or digit";

    public static bool IsValid(string domain) => domain.Length <= 200 && Pattern().IsMatch(domain);

    [GeneratedRegex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\\z")]
    private static partial Regex Pattern();
}
