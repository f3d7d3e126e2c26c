using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Schema;

/// <summary>Turns a schema into assertions, and refuses every keyword that it could not enforce.</summary>
internal sealed class SchemaCompiler
{
    public const int ErrorsMax = 20;
    public const int SchemasMax = 2_000;

    private const string Dialect = "https://json-schema.org/draft/2020-12/schema";

    private static readonly HashSet<string> Annotations = new(StringComparer.Ordinal)
    {
        "title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly",
        "contentEncoding", "contentMediaType", "$comment", "$defs",
    };

    private readonly Dictionary<string, SchemaNode> schemas = new(StringComparer.Ordinal);
    private readonly List<(string Pointer, string Target)> references = [];
    private readonly List<SchemaError> errors = [];

    public static SchemaCompilation Compile(JsonElement schema)
    {
        var compiler = new SchemaCompiler();
        var root = compiler.Read(schema, "");
        compiler.RefuseDanglingReferences();

        if (compiler.errors.Count == 0)
        {
            compiler.RefuseEndlessReferences();
        }

        return compiler.errors.Count == 0
            ? new SchemaCompilation(new JsonSchema(root, schema.Clone()), [])
            : new SchemaCompilation(null, compiler.errors);
    }

    /// <summary>Records an error and answers null, so that a keyword's reader can return it.</summary>
    public Assertion? Refuse(string pointer, string message)
    {
        if (errors.Count < ErrorsMax)
        {
            errors.Add(new SchemaError(pointer, message));
        }

        return null;
    }

    public SchemaNode Read(JsonElement schema, string pointer)
    {
        var node = new SchemaNode();

        // A subschema is read once, where it stands; references find it by its pointer.
        schemas[pointer] = node;

        if (schemas.Count > SchemasMax)
        {
            Refuse(pointer, $"the schema has more than {SchemasMax} subschemas");
            return node;
        }

        switch (schema.ValueKind)
        {
            case JsonValueKind.True:
                break;

            case JsonValueKind.False:
                node.Assertions.Add(new Nothing());
                break;

            case JsonValueKind.Object:
                ReadKeywords(schema, pointer, node);
                break;

            default:
                Refuse(pointer, "a schema must be an object or a boolean");
                break;
        }

        return node;
    }

    private void ReadKeywords(JsonElement schema, string pointer, SchemaNode node)
    {
        var keywords = new SchemaKeywords(this, schema, pointer);

        foreach (var keyword in schema.EnumerateObject())
        {
            var at = $"{pointer}/{InstancePath.Escape(keyword.Name)}";

            if (keyword.Name == "$schema")
            {
                if (pointer.Length > 0 || keyword.Value.ValueKind != JsonValueKind.String || keyword.Value.GetString() != Dialect)
                {
                    Refuse(at, $"only {Dialect}, and only at the root");
                }
            }
            else if (keyword.Name == "$ref")
            {
                ReadReference(keyword.Value, at, node);
            }
            else if (keywords.TryRead(keyword.Name, keyword.Value, at, out var assertion))
            {
                if (assertion is not null)
                {
                    node.Assertions.Add(assertion);
                }
            }
            else if (!Annotations.Contains(keyword.Name))
            {
                Refuse(at, "this keyword is not known; what would not be enforced is refused");
            }
        }

        if (schema.TryGetProperty("$defs", out var definitions))
        {
            keywords.Map(definitions, $"{pointer}/$defs");
        }
    }

    private void ReadReference(JsonElement value, string at, SchemaNode node)
    {
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { } text || !text.StartsWith('#')
            || (text.Length > 1 && text[1] != '/'))
        {
            Refuse(at, "only local references are allowed: # or #/…");
            return;
        }

        var target = Uri.UnescapeDataString(text[1..]);
        references.Add((at, target));
        node.Assertions.Add(new ReferenceAssertion(new Lazy<SchemaNode>(() => schemas[target])));
    }

    private void RefuseDanglingReferences()
    {
        foreach (var (pointer, target) in references.Where(r => !schemas.ContainsKey(r.Target)))
        {
            Refuse(pointer, $"#{target} is not a schema in this document");
        }
    }

    private void RefuseEndlessReferences()
    {
        // Depth-first over the subschemas that look at the same value: meeting one that is still open is an endless loop.
        var open = new HashSet<SchemaNode>();
        var done = new HashSet<SchemaNode>();

        foreach (var (pointer, schema) in schemas)
        {
            if (IsEndless(schema, open, done, 0))
            {
                Refuse(pointer, "refers to itself without ever going into a value");
                return;
            }
        }
    }

    private static bool IsEndless(SchemaNode schema, HashSet<SchemaNode> open, HashSet<SchemaNode> done, int depth)
    {
        if (done.Contains(schema))
        {
            return false;
        }

        if (depth > SchemasMax || !open.Add(schema))
        {
            return true;
        }

        var isEndless = schema.InPlace.Any(s => IsEndless(s, open, done, depth + 1));
        open.Remove(schema);
        done.Add(schema);
        return isEndless;
    }

    /// <summary>Compiles a pattern, or records why it cannot be used.</summary>
    public Regex? Pattern(string written, string at)
    {
        var pattern = EcmaPattern.Compile(written, out var refusal);

        if (pattern is null)
        {
            Refuse(at, refusal);
        }

        return pattern;
    }
}
