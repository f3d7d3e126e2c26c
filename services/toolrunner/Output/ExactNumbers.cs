using System.Buffers;
using System.Text;
using System.Text.Json;
using Mesh.Integrity;

namespace Mesh.Toolrunner.Output;

/// <summary>Numbers that a double cannot hold: allowed in what targets answer, a string of their digits for agents.</summary>
internal static class ExactNumbers
{
    /// <summary>Whether this is strict JSON, whatever its numbers are.</summary>
    public static bool IsStrict(ReadOnlySpan<byte> json) => CanonicalJson.Check(json) switch
    {
        null => true,

        // The rest of the document was not looked at yet.
        { Reason: JsonRefusalReason.NumberNotExact } => TryQuote(json, out _),
        _ => false,
    };

    /// <summary>Whether a number is the same after it was a double.</summary>
    public static bool IsExact(ReadOnlySpan<byte> number) => CanonicalJson.Check(number) is null;

    private static bool TryQuote(ReadOnlySpan<byte> json, out byte[] quoted)
    {
        quoted = [];
        var output = new ArrayBufferWriter<byte>(json.Length + 64);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = CanonicalJson.DepthMax });
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });

        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.Number && !IsExact(reader.ValueSpan))
                {
                    writer.WriteStringValue(Encoding.ASCII.GetString(reader.ValueSpan));
                    continue;
                }

                TokenCopy.Write(ref reader, writer);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON after all, or a string with half of a surrogate pair.
            return false;
        }

        writer.Flush();
        quoted = output.WrittenSpan.ToArray();
        return CanonicalJson.Check(quoted) is null;
    }
}
