using System.Text.RegularExpressions;

namespace Mesh.Manifests;

/// <summary>The grammar of names, the same for every service.</summary>
public static partial class Names
{
    /// <summary>The longest tool name; models and MCP clients accept no more.</summary>
    public const int ToolLengthMax = 64;

    /// <summary>Tenants, integrations, workflows, webhooks, policy sets, rules, secrets: <c>[a-z][a-z0-9-]{0,62}</c>.</summary>
    public static bool IsName(string text) => NamePattern().IsMatch(text);

    /// <summary>Tools: parts joined by dots, such as <c>crm.get_order</c>, at most 64 characters.</summary>
    public static bool IsToolName(string text) => text.Length <= ToolLengthMax && ToolPattern().IsMatch(text);

    /// <summary>Names under <c>mesh.</c> belong to built-in tools; no manifest can declare one.</summary>
    public static bool IsBuiltIn(string tool) => tool.StartsWith("mesh.", StringComparison.Ordinal);

    /// <summary>The platform speaks under this name, for example as an actor in facts; no tenant can have it.</summary>
    public static bool IsReservedTenant(string tenant) => tenant == "mesh";

    /// <summary>Secrets under <c>webhooks/</c> are the signing keys of webhooks; no integration can have them for its own.</summary>
    public static bool IsReservedIntegration(string integration) => integration == "webhooks";

    /// <summary>Attributes that policy sees.</summary>
    public static bool IsAttributeName(string text) => AttributePattern().IsMatch(text);

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\A[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ToolPattern();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex AttributePattern();
}
