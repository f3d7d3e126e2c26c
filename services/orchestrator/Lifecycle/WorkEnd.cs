namespace Mesh.Orchestrator.Lifecycle;

/// <summary>How an agent says that its work on a task ended.</summary>
internal abstract record WorkEnd
{
    /// <param name="Result">Canonical JSON.</param>
    /// <param name="Asked">How many steps and calls the handler asked for, by branch.</param>
    internal sealed record Completed(ReadOnlyMemory<byte> Result, IReadOnlyDictionary<string, int> Asked) : WorkEnd;

    /// <param name="Reason">A name of <see cref="Errors.V1.Reason"/>, or the agent's own; may be empty.</param>
    /// <param name="Message">For people.</param>
    /// <param name="Retry">Try again from the last recorded step.</param>
    internal sealed record Failed(string Reason, string Message, bool Retry) : WorkEnd;

    /// <summary>It waits for what a call was answered to wait for.</summary>
    internal sealed record Waiting(Wait On) : WorkEnd;

    /// <summary>The claim is given back.</summary>
    internal sealed record Released : WorkEnd;
}
