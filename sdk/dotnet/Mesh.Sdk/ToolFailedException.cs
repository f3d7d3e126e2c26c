using System.Text.Json;

namespace Mesh;

/// <summary>The target of a tool call answered with an error, or could not be reached.</summary>
/// <remarks>
/// Whether the call had an effect is the target's to say. The failure is recorded: the same call answers it again on every later
/// run, so unhandled it ends the task and nothing is retried.
/// </remarks>
public sealed class ToolFailedException : Exception
{
    internal ToolFailedException(string tool, Agent.V1.CallFailed failed, JsonElement? value)
        : base(failed.Message.Length > 0 ? failed.Message : $"{tool} failed: {failed.Reason}.")
    {
        Tool = tool;
        Reason = failed.Reason;
        HttpStatus = failed.HttpStatus;
        Value = value;
    }

    /// <summary>The tool that was asked for.</summary>
    public string Tool { get; }

    /// <summary>The name of the failure.</summary>
    public string Reason { get; }

    /// <summary>The target's HTTP status; 0 when there was no answer.</summary>
    public int HttpStatus { get; }

    /// <summary>What the target said; null when it said nothing.</summary>
    public JsonElement? Value { get; }
}
