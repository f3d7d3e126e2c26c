namespace Mesh;

/// <summary>A value cannot travel as JSON without being changed or cut, or is not what the handler declared to read.</summary>
/// <remarks>Found in this process: nothing was sent. Unhandled, it ends the task with its reason, and nothing is retried.</remarks>
public sealed class PayloadRefusedException : Exception
{
    internal PayloadRefusedException(string reason, string path, string message, Exception? inner = null)
        : base(message, inner)
    {
        Reason = reason;
        Path = path;
    }

    /// <summary><c>JSON_REFUSED</c>, <c>PAYLOAD_TOO_LARGE</c> or <c>SCHEMA_MISMATCH</c>.</summary>
    public string Reason { get; }

    /// <summary>The place in the value: a JSON pointer, or a JSON path when the value was read; empty for all of it.</summary>
    public string Path { get; }
}
