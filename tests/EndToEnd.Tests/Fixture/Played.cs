using System.Text.Json;

namespace EndToEnd.Tests.Fixture;

/// <summary>What became of a script: the task, and what the agent was answered.</summary>
public sealed record Played(string Task, JsonElement Result)
{
    public IReadOnlyList<Answer> Answers =>
        [.. Result.GetProperty("answers").EnumerateArray().Select(answer => new Answer(answer.GetProperty("status").GetInt32(), answer.GetProperty("text").GetString()!))];
}
