using System.Text.Json.Nodes;

namespace Mesh.Cli.Auditing;

/// <summary>Something in a log that must not be so.</summary>
/// <param name="Index">The entry; -1 for the log as a whole.</param>
/// <param name="Code">What kind of thing.</param>
/// <param name="Message">For people.</param>
internal sealed record Finding(long Index, string Code, string Message)
{
    public JsonObject ToJson() => new() { ["index"] = Index, ["code"] = Code, ["message"] = Message };
}
