namespace Mesh.Manifests.Source;

/// <summary>Says in a sentence why a text is not a name; null when it is one.</summary>
internal static class NameErrors
{
    public static string? InName(string text) =>
        Names.IsName(text) ? null : "must be a name: a lower-case letter, then up to 62 lower-case letters, digits or hyphens";

    public static string? InTool(string text) =>
        Names.IsToolName(text) ? null : $"must be a tool name: lower-case parts joined by dots, such as crm.get_order, at most {Names.ToolLengthMax} characters";

    public static string? InAttribute(string text) =>
        Names.IsAttributeName(text) ? null : "must be an attribute name: a letter or underscore, then up to 63 letters, digits, underscores or hyphens";
}
