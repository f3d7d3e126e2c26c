using System.Collections;
using System.Text.Json.Nodes;

namespace ScriptedAgent;

/// <summary>One run of one task's script.</summary>
internal sealed class Performance(AgentSocket mesh, JsonNode item)
{
    private const int CharactersKept = 16_000;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(250);

    private readonly string claim = (string)item["claim"]!;

    public async Task PlayAsync()
    {
        var answers = new JsonArray();

        foreach (var call in item["input"]?["calls"] as JsonArray ?? [])
        {
            var (status, text) = await CallAsync(call!);

            if (WaitsOn(text) is { } waitsOn)
            {
                await mesh.FinishAsync(new JsonObject { ["claim"] = claim, ["waitsOn"] = waitsOn });
                return;
            }

            answers.Add(new JsonObject { ["status"] = status, ["text"] = text.Length > CharactersKept ? text[..CharactersKept] : text });
        }

        await mesh.FinishAsync(new JsonObject
        {
            ["claim"] = claim,
            ["completed"] = new JsonObject { ["result"] = new JsonObject { ["answers"] = answers, ["surroundings"] = Surroundings() } },
            ["positions"] = new JsonObject { [""] = 1_000 },
        });
    }

    private async Task<(int Status, string Text)> CallAsync(JsonNode call)
    {
        var body = ((string)call["body"]!)
            .Replace("$claim", claim, StringComparison.Ordinal)
            .Replace("$pad", new string('x', (int?)call["pad"] ?? 0), StringComparison.Ordinal);

        for (var left = (int?)call["tries"] ?? 1; ; left--)
        {
            var answer = await mesh.PostAsync((string)call["path"]!, body);

            if (answer.Status < 400 || left <= 1)
            {
                return answer;
            }

            await Task.Delay(BetweenTries);
        }
    }

    private static string? WaitsOn(string text)
    {
        try
        {
            return (string?)JsonNode.Parse(text)?["waiting"]?["waitsOn"];
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    // An attacker looks around: names and values, its command line, its folder, and what else is open.
    private static JsonObject Surroundings() => new()
    {
        ["environment"] = new JsonArray([.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (JsonNode)$"{variable.Key}={variable.Value}")]),
        ["commandLine"] = Environment.CommandLine,
        ["files"] = new JsonArray([.. Directory.EnumerateFileSystemEntries(".").Select(path => (JsonNode)path)]),
    };
}
