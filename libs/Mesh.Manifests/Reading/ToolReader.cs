using Mesh.Manifests.Attributes;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Schema;
using Mesh.Manifests.Source;

namespace Mesh.Manifests.Reading;

/// <summary>Reads the spec of a Tool.</summary>
internal static class ToolReader
{
    public static readonly TimeSpan TimeoutMax = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan TimeoutDefault = TimeSpan.FromSeconds(30);

    /// <summary>The journal carries the answer whole, and this is what one entry of it holds.</summary>
    public const int OutputMax = 256 * 1024;
    public const int OutputDefault = OutputMax;

    public static ToolManifest? Read(Fields spec)
    {
        spec.NotYet("process", "mcp", "model", "postgres");

        var integration = spec.RequiredName("integration");
        var classes = Classes(spec, "class", isRequired: true);
        var description = spec.RequiredText("description", 2048);
        var input = SchemaReader.Read(spec, "input", isRequired: true);
        var http = HttpReader.Read(spec.RequiredMap("http"));
        var repeat = spec.OptionalMap("repeat") is { } fields ? ReadRepeat(fields, http) : null;
        var reconcile = HttpReader.ReadProbe(spec.OptionalMap("reconcile"));
        var attributes = ReadAttributes(spec, input);
        var timeout = spec.OptionalDuration("timeout", TimeoutMax) ?? TimeoutDefault;
        var output = ReadOutput(spec.OptionalMap("output"));
        spec.Close();

        if (input is null || http is null)
        {
            return null;
        }

        RefuseUnknownMembers(spec, http, reconcile, input);

        return new ToolManifest
        {
            Integration = integration,
            Classes = classes,
            Description = description,
            Input = input,
            Http = http,
            Repeat = repeat,
            Reconcile = reconcile,
            Attributes = attributes,
            Timeout = timeout,
            Output = output,
        };
    }

    public static List<ToolClass> Classes(Fields fields, string name, bool isRequired)
    {
        var classes = new List<ToolClass>();

        foreach (var (node, at) in fields.Items(name, 1, 5, isRequired))
        {
            if (fields.ChoiceOf(node, at, ToolClassWords.All) is { } toolClass)
            {
                if (classes.Contains(toolClass))
                {
                    fields.Findings.Add(node, at, "is listed twice");
                }

                classes.Add(toolClass);
            }
        }

        classes.Sort();
        return classes;
    }

    private static RepeatRule ReadRepeat(Fields fields, HttpCall? http)
    {
        var isSafe = fields.RequiredFlag("safe");
        string? header = null;

        if (fields.OptionalMap("key") is { } key)
        {
            header = key.RequiredText("header", 64);

            if (header.Length > 0 && HttpReader.HeaderError(header) is { } error)
            {
                key.Refuse("header", error);
            }
            else if (http?.Headers.Any(h => h.Name.Equals(header, StringComparison.OrdinalIgnoreCase)) == true)
            {
                key.Refuse("header", "is also set in http.headers");
            }

            key.Close();
        }

        fields.Close();
        return new RepeatRule(isSafe, header);
    }

    private static ToolAttributes ReadAttributes(Fields spec, JsonSchema? input)
    {
        var declarations = input is null ? [] : AttributeTypes.OfTopLevel(input.Source);

        if (spec.OptionalMap("attributes") is { } fields)
        {
            foreach (var entry in fields.Map.Entries)
            {
                var at = fields.Path.At(entry.Name);
                var path = fields.TextOf(entry.Value, at, 256)?.Split('.');

                if (NameErrors.InAttribute(entry.Name) is { } error)
                {
                    fields.Findings.Add(entry.Line, entry.Column, at, error);
                }
                else if (ToolAttributes.Runtime.Contains(entry.Name))
                {
                    fields.Findings.Add(entry.Line, entry.Column, at, "is a name that the runtime gives itself");
                }
                else if (input is null || path is null)
                {
                    continue;
                }
                else if (path is not [var only] || only != entry.Name)
                {
                    DeclareMoved(fields, entry, path, input, declarations);
                }
                else if (!declarations.ContainsKey(entry.Name))
                {
                    fields.Refuse(entry.Name, NotComparable);
                }
            }
        }

        return new ToolAttributes(declarations);
    }

    private const string NotComparable =
        "does not lead to a declared property of the input schema that is a string, an integer, a boolean or a list of strings";

    private static void DeclareMoved(
        Fields fields, MapEntry entry, string[] path, JsonSchema input, Dictionary<string, AttributeDeclaration> declarations)
    {
        // Otherwise a rule about the argument would silently look at something else.
        if (declarations.ContainsKey(entry.Name))
        {
            fields.Refuse(entry.Name, "is also an argument; an attribute cannot hide it");
        }
        else if (AttributeTypes.TryDeclare(input.Source, entry.Name, path, out var declaration))
        {
            declarations[entry.Name] = declaration;
        }
        else
        {
            fields.Refuse(entry.Name, NotComparable);
        }
    }

    private static OutputBounds ReadOutput(Fields? fields)
    {
        if (fields is null)
        {
            return new OutputBounds(OutputDefault, []);
        }

        var bytesMax = fields.OptionalWhole("maxBytes", 1, OutputMax) ?? OutputDefault;
        var redact = fields.Texts("redact", 0, 64, isRequired: false, t => t.Length <= 128 ? null : "must have at most 128 characters");
        fields.Close();
        return new OutputBounds((int)bytesMax, redact);
    }

    // A slip in a placeholder would otherwise only show when the first call fails.
    private static void RefuseUnknownMembers(Fields spec, HttpCall http, ReconcileProbe? probe, JsonSchema input)
    {
        var schema = input.Source;

        if (schema.ValueKind != System.Text.Json.JsonValueKind.Object
            || !schema.TryGetProperty("additionalProperties", out var additional)
            || additional.ValueKind != System.Text.Json.JsonValueKind.False
            || schema.TryGetProperty("patternProperties", out _))
        {
            return;
        }

        var places = new (string Field, IEnumerable<Templates.Placeholder> Placeholders)[]
        {
            ("http", http.Path.Placeholders.Concat(http.Query.Concat(http.Headers).SelectMany(n => n.Value.Placeholders)).Concat(http.Body?.Placeholders ?? [])),
            ("reconcile", probe?.Path.Placeholders ?? []),
        };

        foreach (var (field, placeholders) in places)
        {
            var unknown = placeholders.FirstOrDefault(p => p.Root == Templates.TemplateRoots.Input && p.Members.Count > 0
                && !(schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(p.Members[0], out _)));

            if (unknown is not null)
            {
                spec.Refuse(field, $"{unknown} is not an argument of the input schema");
            }
        }
    }
}
