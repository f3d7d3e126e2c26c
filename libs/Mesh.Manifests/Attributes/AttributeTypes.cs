using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Mesh.Manifests.Attributes;

/// <summary>Finds the type of an argument in a tool's input schema.</summary>
internal static class AttributeTypes
{
    private const int ReferencesMax = 8;

    /// <summary>The declarations of all top-level arguments whose type policy can compare.</summary>
    public static Dictionary<string, AttributeDeclaration> OfTopLevel(JsonElement schema)
    {
        var declarations = new Dictionary<string, AttributeDeclaration>(StringComparer.Ordinal);

        if (schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("properties", out var properties))
        {
            foreach (var name in properties.EnumerateObject().Select(p => p.Name))
            {
                if (Names.IsAttributeName(name) && !ToolAttributes.Runtime.Contains(name)
                    && TryDeclare(schema, name, [name], out var declaration))
                {
                    declarations[name] = declaration;
                }
            }
        }

        return declarations;
    }

    /// <summary>False when the path leads nowhere, or to a type that policy cannot compare.</summary>
    public static bool TryDeclare(
        JsonElement root, string name, IReadOnlyList<string> path, [NotNullWhen(true)] out AttributeDeclaration? declaration)
    {
        declaration = null;
        var schema = Followed(root, root);
        var isRequired = true;

        foreach (var member in path)
        {
            if (schema.ValueKind != JsonValueKind.Object
                || !schema.TryGetProperty("properties", out var properties)
                || !properties.TryGetProperty(member, out var child))
            {
                return false;
            }

            isRequired &= schema.TryGetProperty("required", out var required)
                && required.EnumerateArray().Any(r => r.GetString() == member);
            schema = Followed(root, child);
        }

        if (TypeOf(root, schema) is not var (type, choices, isNullable))
        {
            return false;
        }

        declaration = new AttributeDeclaration(name, path, type, choices, isRequired && !isNullable);
        return true;
    }

    private static (AttributeType Type, IReadOnlyList<string> Choices, bool IsNullable)? TypeOf(JsonElement root, JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var types = !schema.TryGetProperty("type", out var type) ? []
            : type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(t => t.GetString()!).ToList()
            : [type.GetString()!];
        var isNullable = types.Remove("null");

        if (Choices(schema) is { } choices && types is [] or ["string"])
        {
            return (AttributeType.Choice, choices, isNullable);
        }

        return types switch
        {
            ["string"] => (AttributeType.Text, [], isNullable),
            ["integer"] => (AttributeType.Whole, [], isNullable),
            ["boolean"] => (AttributeType.Flag, [], isNullable),
            ["array"] when IsOfTexts(root, schema) => (AttributeType.Texts, [], isNullable),
            _ => null,
        };
    }

    private static List<string>? Choices(JsonElement schema)
    {
        if (schema.TryGetProperty("enum", out var listed) && listed.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String))
        {
            return [.. listed.EnumerateArray().Select(v => v.GetString()!)];
        }

        return schema.TryGetProperty("const", out var only) && only.ValueKind == JsonValueKind.String ? [only.GetString()!] : null;
    }

    private static bool IsOfTexts(JsonElement root, JsonElement schema) =>
        !schema.TryGetProperty("prefixItems", out _)
        && schema.TryGetProperty("items", out var items)
        && TypeOf(root, Followed(root, items)) is (AttributeType.Text or AttributeType.Choice, _, false);

    // The schema was compiled, so every reference leads somewhere; a chain is still bounded.
    private static JsonElement Followed(JsonElement root, JsonElement schema)
    {
        for (var i = 0; i < ReferencesMax && schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("$ref", out var reference); i++)
        {
            var target = root;

            foreach (var step in Uri.UnescapeDataString(reference.GetString()![1..]).Split('/').Skip(1))
            {
                var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

                var isThere = target.ValueKind == JsonValueKind.Object
                    ? target.TryGetProperty(name, out target)
                    : target.ValueKind == JsonValueKind.Array && int.TryParse(name, out var index) && index < target.GetArrayLength()
                        && (target = target[index]).ValueKind != JsonValueKind.Undefined;

                if (!isThere)
                {
                    return schema;
                }
            }

            schema = target;
        }

        return schema;
    }
}
