using System.Buffers;
using System.Text.Json;

namespace Mesh.Manifests.Templates;

/// <summary>JSON whose strings are templates. A string that is exactly one placeholder becomes the value with its own type.</summary>
public sealed class JsonTemplate
{
    private readonly JsonElement written;
    private readonly IReadOnlyDictionary<string, Template> templates;

    private JsonTemplate(JsonElement written, IReadOnlyDictionary<string, Template> templates) =>
        (this.written, this.templates) = (written, templates);

    /// <summary>Every placeholder in it.</summary>
    public IEnumerable<Placeholder> Placeholders => templates.Values.SelectMany(t => t.Placeholders);

    /// <summary>Reads JSON with templates in its strings; member names are taken as they are.</summary>
    public static JsonTemplateParse Parse(JsonElement json, TemplateRoots allowed)
    {
        var templates = new Dictionary<string, Template>(StringComparer.Ordinal);

        foreach (var (text, path) in Strings(json, ""))
        {
            if (templates.ContainsKey(text))
            {
                continue;
            }

            var parse = Template.Parse(text, allowed);

            if (parse.Template is null)
            {
                return new JsonTemplateParse(null, path, parse.Error);
            }

            templates[text] = parse.Template;
        }

        return new JsonTemplateParse(new JsonTemplate(json.Clone(), templates), null, null);
    }

    /// <summary>Fills the templates and answers UTF-8 JSON.</summary>
    public TemplateResult<byte[]> Fill(TemplateValues values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer);

        if (Write(writer, written, values) is { } refusal)
        {
            return TemplateResult<byte[]>.Refused(refusal);
        }

        writer.Flush();
        return TemplateResult<byte[]>.Filled(buffer.WrittenSpan.ToArray());
    }

    private static IEnumerable<(string Text, string Path)> Strings(JsonElement json, string path) => json.ValueKind switch
    {
        JsonValueKind.String => [(json.GetString()!, path)],
        JsonValueKind.Array => json.EnumerateArray().SelectMany((item, i) => Strings(item, $"{path}/{i}")),
        JsonValueKind.Object => json.EnumerateObject().SelectMany(p => Strings(p.Value, $"{path}/{Schema.InstancePath.Escape(p.Name)}")),
        _ => [],
    };

    private TemplateRefusal? Write(Utf8JsonWriter writer, JsonElement json, TemplateValues values)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();

                foreach (var property in json.EnumerateObject())
                {
                    writer.WritePropertyName(property.Name);

                    if (Write(writer, property.Value, values) is { } refusal)
                    {
                        return refusal;
                    }
                }

                writer.WriteEndObject();
                return null;

            case JsonValueKind.Array:
                writer.WriteStartArray();

                foreach (var item in json.EnumerateArray())
                {
                    if (Write(writer, item, values) is { } refusal)
                    {
                        return refusal;
                    }
                }

                writer.WriteEndArray();
                return null;

            case JsonValueKind.String:
                return WriteText(writer, templates[json.GetString()!], values);

            default:
                json.WriteTo(writer);
                return null;
        }
    }

    private static TemplateRefusal? WriteText(Utf8JsonWriter writer, Template template, TemplateValues values)
    {
        if (template.Single is { } only)
        {
            if (only.Find(values) is not { } value)
            {
                return Template.Refused<string>(only, TemplateRefusalReason.Missing, "has no value").Refusal;
            }

            value.WriteTo(writer);
            return null;
        }

        var text = template.FillText(values);

        if (text.IsFilled)
        {
            writer.WriteStringValue(text.Value);
        }

        return text.Refusal;
    }
}

/// <summary>A JSON template, or which string in it (JSON pointer) is wrong and why.</summary>
public sealed record JsonTemplateParse(JsonTemplate? Template, string? JsonPath, string? Error);
