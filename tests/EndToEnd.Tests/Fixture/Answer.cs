using System.Text.Json;

namespace EndToEnd.Tests.Fixture;

/// <summary>What a door answered to a JSON request.</summary>
public sealed record Answer(int Status, string Text)
{
    /// <summary>The body; undefined when it is not JSON.</summary>
    public JsonElement Json { get; } = Parse(Text);

    /// <summary>The one reason of a refusal; empty when it was none.</summary>
    public string Reason => Detail("ErrorInfo") is { } info ? info.GetProperty("reason").GetString()! : "";

    /// <summary>Fields and what is wrong with them.</summary>
    public IReadOnlyList<(string Field, string Description)> Fields => Detail("BadRequest") is { } request
        ? [.. request.GetProperty("fieldViolations").EnumerateArray().Select(each => (each.GetProperty("field").GetString()!, each.GetProperty("description").GetString()!))]
        : [];

    /// <summary>What the refusal adds to its reason: a limit, a path, a role.</summary>
    public string Metadata(string name) => Detail("ErrorInfo") is { } info && info.TryGetProperty("metadata", out var all) && all.TryGetProperty(name, out var value)
        ? value.GetString()!
        : "";

    /// <summary>The answer must be a refusal of this status and reason.</summary>
    public Answer Refused(int status, string reason)
    {
        Assert.True((Status, Reason) == (status, reason), $"Wanted {status} {reason}, got {Status} {Text}");
        return this;
    }

    /// <summary>The answer must be a success.</summary>
    public JsonElement Good()
    {
        Assert.True(Status is >= 200 and < 300, $"Refused: {Status} {Text}");
        return Json;
    }

    private JsonElement? Detail(string type)
    {
        if (Json.ValueKind != JsonValueKind.Object || !Json.TryGetProperty("details", out var details))
        {
            return null;
        }

        var found = details.EnumerateArray().Where(detail => detail.GetProperty("@type").GetString()!.EndsWith($".{type}", StringComparison.Ordinal)).ToArray();
        return found is [var only] ? only : null;
    }

    private static JsonElement Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(text);
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
