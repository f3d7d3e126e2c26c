using System.Buffers;
using System.Text;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.Toolrunner.Output;

/// <summary>Makes the JSON value that a call answers with out of what a target sent.</summary>
internal static class AnswerValue
{
    private const string Blank = "[redacted]";

    /// <summary>Strict JSON stays as it is, byte for byte; anything else becomes a JSON string; nothing becomes null.</summary>
    /// <param name="body">The answer, without the credential.</param>
    /// <param name="redact">Names of members that are blanked, at any depth.</param>
    public static byte[] Of(byte[] body, IReadOnlyList<string> redact)
    {
        if (body.AsSpan().IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            return "null"u8.ToArray();
        }

        if (!ExactNumbers.IsStrict(body))
        {
            return JsonSerializer.SerializeToUtf8Bytes(Encoding.UTF8.GetString(body), StringJson.Default.String);
        }

        return redact.Count == 0 ? body : Redact(body, redact);
    }

    private static byte[] Redact(byte[] json, IReadOnlyList<string> redact)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = CanonicalJson.DepthMax });
        var output = new ArrayBufferWriter<byte>(json.Length);
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });

        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && redact.Contains(reader.GetString()!))
            {
                writer.WritePropertyName(reader.GetString()!);
                writer.WriteStringValue(Blank);
                reader.Read();
                reader.Skip();
                continue;
            }

            TokenCopy.Write(ref reader, writer);
        }

        writer.Flush();
        return output.WrittenSpan.ToArray();
    }
}
