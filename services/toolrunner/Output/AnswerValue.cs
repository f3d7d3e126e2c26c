using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.Toolrunner.Output;

/// <summary>Makes the JSON value that a call answers with out of what a target sent.</summary>
internal static class AnswerValue
{
    private const string Blank = "[redacted]";

    // Only the escapes that JSON asks for: others make a text up to six times as long. No page of HTML is made of it.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

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
            return Written(body.Length + 2, writer => writer.WriteStringValue(Encoding.UTF8.GetString(body)));
        }

        return redact.Count == 0 ? body : Redact(body, redact);
    }

    private static byte[] Redact(byte[] json, IReadOnlyList<string> redact) => Written(json.Length, writer => Redact(json, redact, writer));

    private static void Redact(byte[] json, IReadOnlyList<string> redact, Utf8JsonWriter writer)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = CanonicalJson.DepthMax });

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
    }

    private static byte[] Written(int bytes, Action<Utf8JsonWriter> write)
    {
        var output = new ArrayBufferWriter<byte>(bytes);
        using var writer = new Utf8JsonWriter(output, Writing);
        write(writer);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }
}
