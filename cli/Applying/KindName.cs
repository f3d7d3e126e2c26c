namespace Mesh.Cli.Applying;

/// <summary>Kinds as people type them: in any case.</summary>
internal static class KindName
{
    private static readonly string[] Known = ["Tenant", "Integration", "Tool", "Workflow", "Webhook", "Schedule", "PolicySet"];

    /// <summary>The kind's own spelling. An unknown one stays as it is: a newer mesh may know it.</summary>
    public static string Of(string said) =>
        Known.FirstOrDefault(kind => kind.Equals(said, StringComparison.OrdinalIgnoreCase)) ?? said;
}
