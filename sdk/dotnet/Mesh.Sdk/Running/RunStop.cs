namespace Mesh.Running;

/// <summary>Why a run ends before its handler does. The one of the highest rank counts.</summary>
internal abstract record RunStop(int Rank)
{
    /// <summary>This process stops.</summary>
    internal sealed record Released() : RunStop(0);

    /// <summary>Something has to happen first.</summary>
    internal sealed record Parked(string WaitsOn) : RunStop(1);

    /// <summary>The run cannot go on: another handler, too many steps, a task that has ended.</summary>
    internal sealed record Refused(string Reason, string Message) : RunStop(2);

    internal sealed record CancelRequested() : RunStop(3);

    /// <summary>The task belongs to somebody else: nothing may be asked for or said about it any more.</summary>
    internal sealed record ClaimLost() : RunStop(4);
}
