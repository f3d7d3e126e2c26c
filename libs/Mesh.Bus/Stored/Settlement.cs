using Mesh.Postgres;

namespace Mesh.Bus.Stored;

/// <summary>What the queue is told about a claimed message.</summary>
internal abstract record Settlement(Guid Id)
{
    /// <summary>Delete it.</summary>
    internal sealed record Done(Guid Id) : Settlement(Id);

    /// <summary>Give it back for another attempt after a pause.</summary>
    internal sealed record Back(Guid Id, TimeSpan Pause, bool Counts, string? Error) : Settlement(Id);

    /// <summary>Keep it aside with its error.</summary>
    internal sealed record Parked(Guid Id, string Error) : Settlement(Id);
}

/// <summary>A message that this consumer may handle now, and how often it was delivered, this time included.</summary>
internal sealed record ClaimedMessage(Envelope Message, int Attempts);

/// <summary>What a consumer may handle now, in order per key, and how soon something that had to wait may be next.</summary>
/// <param name="Messages">What it may handle.</param>
/// <param name="Blocked">When each that had to wait may be next.</param>
/// <param name="IsFull">There was no room for more: there may be more behind.</param>
internal sealed record ConsumerClaim(IReadOnlyList<ClaimedMessage> Messages, IReadOnlyList<TimeSpan> Blocked, bool IsFull);
