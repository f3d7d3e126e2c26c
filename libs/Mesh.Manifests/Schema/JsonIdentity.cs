using System.Text;
using System.Text.Json;

namespace Mesh.Manifests.Schema;

/// <summary>Writes a JSON value so that two texts are the same exactly when JSON Schema calls the values equal.</summary>
internal static class JsonIdentity
{
    public static string Of(JsonElement value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    private static void Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');

                foreach (var property in value.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    WriteString(text, property.Name);
                    Write(text, property.Value);
                }

                text.Append('}');
                break;

            case JsonValueKind.Array:
                text.Append('[');

                foreach (var item in value.EnumerateArray())
                {
                    Write(text, item);
                }

                text.Append(']');
                break;

            case JsonValueKind.String:
                WriteString(text, value.GetString()!);
                break;

            case JsonValueKind.Number:
                // 1, 1.0 and 1e0 are one number.
                text.Append('#').Append(ExactNumber.TryRead(value, out var number) ? number.ToString() : value.GetRawText()).Append(';');
                break;

            default:
                text.Append(value.ValueKind switch { JsonValueKind.True => 't', JsonValueKind.False => 'f', _ => 'n' });
                break;
        }
    }

    // With its length in front, no text can look like the end of another.
    private static void WriteString(StringBuilder text, string value) => text.Append('"').Append(value.Length).Append(':').Append(value);
}
