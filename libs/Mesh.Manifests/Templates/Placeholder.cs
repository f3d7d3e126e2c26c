using System.Text.Json;

namespace Mesh.Manifests.Templates;

/// <summary>What stands between braces: a root and, for JSON roots, the members to go down.</summary>
public sealed record Placeholder(TemplateRoots Root, IReadOnlyList<string> Members)
{
    /// <summary>The placeholder as it is written, with its braces.</summary>
    public override string ToString() => $"{{{string.Join('.', [RootName(Root), .. Members])}}}";

    internal static string RootName(TemplateRoots root) => root switch
    {
        TemplateRoots.Input => "input",
        TemplateRoots.Body => "body",
        TemplateRoots.IdempotencyKey => "idempotencyKey",
        _ => "value",
    };

    internal JsonElement? Find(TemplateValues values)
    {
        var found = Root switch
        {
            TemplateRoots.Input => values.Input,
            TemplateRoots.Body => values.Body,
            TemplateRoots.IdempotencyKey => Text(values.IdempotencyKey),
            _ => Text(values.Value),
        };

        foreach (var member in Members)
        {
            if (found is not { ValueKind: JsonValueKind.Object } parent || !parent.TryGetProperty(member, out var child))
            {
                return null;
            }

            found = child;
        }

        return found;
    }

    private static JsonElement? Text(string? text) =>
        text is null ? null : JsonElement.Parse($"\"{JsonEncodedText.Encode(text)}\"");
}
