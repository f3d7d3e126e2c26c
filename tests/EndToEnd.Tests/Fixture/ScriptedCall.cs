using System.Text.Json;
using System.Text.Json.Serialization;

namespace EndToEnd.Tests.Fixture;

/// <summary>One request of the scripted agent, to the letter; see <c>tests/ScriptedAgent/Program.cs</c>.</summary>
public sealed record ScriptedCall(
    [property: JsonPropertyName("path")] string Path,
    [property: JsonPropertyName("body")] string Body,
    [property: JsonPropertyName("tries")] int Tries = 1,
    [property: JsonPropertyName("pad")] int Pad = 0)
{
    /// <summary>A tool call as a decent agent makes it.</summary>
    public static ScriptedCall Tool(string tool, object arguments, int position, string? step = null, int tries = 1) => new(
        "/v1/work:call",
        JsonSerializer.Serialize(new { claim = "$claim", stepKey = step ?? $"{tool}#0", position, tool, arguments }),
        tries);
}
