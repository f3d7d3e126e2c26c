namespace Mesh;

/// <summary>Mesh did not accept a step or a call: arguments that do not match the tool's schema, a tool that the workflow does not list.</summary>
/// <remarks>Nothing was recorded and nothing happened outside. Unhandled, it ends the task with its reason, and nothing is retried.</remarks>
public sealed class CallRefusedException : Exception
{
    internal CallRefusedException(string reason, string message)
        : base(message) => Reason = reason;

    /// <summary>The name of the refusal, such as <c>SCHEMA_MISMATCH</c> or <c>TOOL_NOT_GRANTED</c>.</summary>
    public string Reason { get; }
}
