using System.Text.Json;

namespace Mesh.ServiceHost;

/// <summary>What a JSON transcoder says when it refuses a request before any method was asked: words, and no reason that a program could read.</summary>
public static class TranscodedError
{
    /// <summary>Its words; null when the body is an error with details, or none of this form.</summary>
    public static string? UnexplainedIn(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var status = JsonDocument.ParseValue(ref reader);
            var isUnexplained = status.RootElement.ValueKind == JsonValueKind.Object
                && status.RootElement.TryGetProperty("details", out var details)
                && details.ValueKind == JsonValueKind.Array
                && details.GetArrayLength() == 0;
            return isUnexplained ? status.RootElement.GetProperty("message").GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
