using System.Text.Json;
using Mesh.Manifests.Policies;

namespace Mesh.Manifests.Attributes;

/// <summary>The type of an attribute, as policy compares it.</summary>
public enum AttributeType
{
    /// <summary>A string.</summary>
    Text,

    /// <summary>One of a closed list of strings.</summary>
    Choice,

    /// <summary>A 64-bit integer.</summary>
    Whole,

    /// <summary>A boolean.</summary>
    Flag,

    /// <summary>A set of strings.</summary>
    Texts,
}

/// <summary>An attribute that policy sees of a tool's calls.</summary>
/// <param name="Name">As rules name it.</param>
/// <param name="Path">The members to go down in the arguments.</param>
/// <param name="Type">From the tool's input schema.</param>
/// <param name="Choices">The closed list of a choice; empty otherwise.</param>
/// <param name="IsRequired">Whether the schema demands it in every call.</param>
public sealed record AttributeDeclaration(
    string Name,
    IReadOnlyList<string> Path,
    AttributeType Type,
    IReadOnlyList<string> Choices,
    bool IsRequired);

/// <summary>The attributes of one call. When there is a refusal, the values MUST NOT be used.</summary>
/// <param name="Values">By name; an attribute that the call does not give is absent.</param>
/// <param name="Refusals">One sentence for each value that has not its declared type.</param>
public sealed record AttributeReading(IReadOnlyDictionary<string, PolicyValue> Values, IReadOnlyList<string> Refusals);

/// <summary>What policy sees of a tool's arguments: the declared attributes, and every top-level argument of a simple type.</summary>
public sealed class ToolAttributes
{
    private readonly Dictionary<string, AttributeDeclaration> declarations;

    internal ToolAttributes(Dictionary<string, AttributeDeclaration> declarations) => this.declarations = declarations;

    /// <summary>The names that the runtime gives itself; no argument can stand in for one.</summary>
    public static IReadOnlySet<string> Runtime { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        "classes", "initiator", "task_done", "taint", "environment", "tenant", "workflow", "integration", "tool", "all", "any", "not",
    };

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, AttributeDeclaration> Declarations => declarations;

    /// <summary>Reads the attributes from arguments that were checked against the tool's input schema.</summary>
    public AttributeReading Read(JsonElement arguments)
    {
        var values = new Dictionary<string, PolicyValue>(StringComparer.Ordinal);
        var refusals = new List<string>();

        foreach (var declaration in declarations.Values)
        {
            if (Find(arguments, declaration.Path) is not { } found)
            {
                if (declaration.IsRequired)
                {
                    refusals.Add($"the attribute {declaration.Name} is required");
                }

                continue;
            }

            // Checked again although the schema was: a guard takes nobody's word for a type.
            if (ValueOf(declaration, found) is { } value)
            {
                values[declaration.Name] = value;
            }
            else
            {
                refusals.Add($"the attribute {declaration.Name} is not of its declared type");
            }
        }

        return new AttributeReading(values, refusals);
    }

    private static JsonElement? Find(JsonElement arguments, IReadOnlyList<string> path)
    {
        var found = arguments;

        foreach (var member in path)
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(member, out found))
            {
                return null;
            }
        }

        // An optional argument may be given as null.
        return found.ValueKind == JsonValueKind.Null ? null : found;
    }

    private static PolicyValue? ValueOf(AttributeDeclaration declaration, JsonElement found) => (declaration.Type, found.ValueKind) switch
    {
        (AttributeType.Text, JsonValueKind.String) => new PolicyValue.Text(found.GetString()!),
        (AttributeType.Choice, JsonValueKind.String) when declaration.Choices.Contains(found.GetString()!) =>
            new PolicyValue.Text(found.GetString()!),
        (AttributeType.Whole, JsonValueKind.Number) when Schema.ExactNumber.TryRead(found, out var number) && number.TryGetLong(out var whole) =>
            new PolicyValue.Whole(whole),
        (AttributeType.Flag, JsonValueKind.True or JsonValueKind.False) => new PolicyValue.Flag(found.GetBoolean()),
        (AttributeType.Texts, JsonValueKind.Array) when found.EnumerateArray().All(i => i.ValueKind == JsonValueKind.String) =>
            new PolicyValue.Texts([.. found.EnumerateArray().Select(i => i.GetString()!).Distinct(StringComparer.Ordinal)]),
        _ => null,
    };
}
