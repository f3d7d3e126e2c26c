namespace Mesh;

/// <summary>Policy or a person refused a tool call. Nothing happened outside.</summary>
/// <remarks>The handler may catch it and go on without the call. Unhandled, it ends the task with its reason, and nothing is retried.</remarks>
public sealed class ToolDeniedException : Exception
{
    internal ToolDeniedException(string tool, Agent.V1.CallDenied denied)
        : base(denied.Message.Length > 0 ? denied.Message : $"{tool} was refused: {denied.Reason}.")
    {
        Tool = tool;
        Reason = denied.Reason;
        Rule = denied.Rule;
    }

    /// <summary>The tool that was asked for.</summary>
    public string Tool { get; }

    /// <summary>The name of the refusal, such as <c>POLICY_DENIED</c>.</summary>
    public string Reason { get; }

    /// <summary>The rule that decided, or <c>default</c>.</summary>
    public string Rule { get; }
}
