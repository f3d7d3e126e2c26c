using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Mesh.Manifests.Schema;

/// <summary>A compiled JSON Schema (2020-12, assertion keywords, local references only).</summary>
/// <remarks>
/// Compiling refuses what it cannot enforce, so a schema that compiles is enforced whole. Validation is bounded in steps,
/// depth and time; an instance that needs more is refused, never waved through. Immutable and safe to share.
/// </remarks>
public sealed class JsonSchema
{
    private readonly SchemaNode root;

    internal JsonSchema(SchemaNode root, JsonElement source)
    {
        this.root = root;
        Source = source;
    }

    /// <summary>The schema of everything: it accepts any JSON.</summary>
    public static JsonSchema Anything { get; } = Compile(JsonElement.Parse("true")).Schema!;

    /// <summary>The schema as it was written.</summary>
    public JsonElement Source { get; }

    /// <summary>Compiles a schema, or says at which JSON pointers it is wrong.</summary>
    public static SchemaCompilation Compile(JsonElement schema) => SchemaCompiler.Compile(schema);

    /// <summary>Compiles a schema from UTF-8 JSON. Text that is no JSON is an error at the root.</summary>
    public static SchemaCompilation Compile(ReadOnlySpan<byte> utf8Json) => TryParse(utf8Json, out var element, out var message)
        ? Compile(element)
        : new SchemaCompilation(null, [new SchemaError("", message)]);

    /// <summary>Checks a value. An empty list means that it is valid; at most 20 violations are listed.</summary>
    public IReadOnlyList<SchemaViolation> Validate(JsonElement instance)
    {
        var run = new Evaluation();
        var isValid = root.Check(instance, InstancePath.Root, run);
        return run.Close(isValid);
    }

    /// <summary>Checks UTF-8 JSON. Text that is no JSON, or names a member twice, is a violation at the root.</summary>
    public IReadOnlyList<SchemaViolation> Validate(ReadOnlySpan<byte> utf8Json) => TryParse(utf8Json, out var element, out var message)
        ? Validate(element)
        : [new SchemaViolation("", message)];

    private static bool TryParse(ReadOnlySpan<byte> utf8Json, out JsonElement element, [NotNullWhen(false)] out string? message)
    {
        try
        {
            element = JsonElement.Parse(utf8Json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 });
            message = null;
            return true;
        }
        catch (JsonException e)
        {
            // Only the place: the text itself may be anything.
            element = default;
            message = $"not valid JSON, or deeper than 64 levels, or a member is given twice (line {e.LineNumber + 1}, byte {e.BytePositionInLine})";
            return false;
        }
    }
}
