using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Cli.Output;

/// <summary>JSON as a block of YAML, for people who read it and tools that want it. Texts that YAML could take for something else are quoted as JSON.</summary>
internal static class Yaml
{
    private static readonly JsonSerializerOptions Quoted = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-");
    private static readonly string[] NoText = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

    public static void Write(TextWriter to, JsonNode? node) => to.WriteLine(Text(node, 0).TrimStart('\n'));

    // What stands after a key or a dash: a scalar on the same line, or lines of their own, further in.
    private static string Text(JsonNode? node, int depth) => node switch
    {
        JsonObject { Count: > 0 } members => string.Concat(members.Select(member => $"\n{Indent(depth)}{Scalar(member.Key)}:{Gap(member.Value)}{Text(member.Value, depth + 1)}")),
        JsonArray { Count: > 0 } items => string.Concat(items.Select(item => $"\n{Indent(depth)}-{Gap(item)}{Text(item, depth + 1)}")),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Scalar(value.GetValue<string>()),
        null => "null",
        _ => node.ToJsonString(Quoted),
    };

    private static string Indent(int depth) => new(' ', 2 * depth);

    private static string Gap(JsonNode? node) => node is JsonObject { Count: > 0 } or JsonArray { Count: > 0 } ? "" : " ";

    // Only what begins with a letter: anything else could be a number, a date or a mark.
    private static string Scalar(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && !text.AsSpan().ContainsAnyExcept(Plain) && !NoText.Contains(text, StringComparer.OrdinalIgnoreCase)
            ? text
            : JsonSerializer.Serialize(text, Quoted);
}
