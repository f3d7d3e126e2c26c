namespace Mesh.Audit.Sequencing;

/// <summary>The name of a tenant's log, as its checkpoints and receipts bear it.</summary>
internal static class LogName
{
    /// <summary>The log of what belongs to no tenant. No tenant can have this name.</summary>
    public const string Platform = "_platform";

    public static string OriginOf(string domain, string tenant) => $"{domain}/audit/{tenant}";
}
