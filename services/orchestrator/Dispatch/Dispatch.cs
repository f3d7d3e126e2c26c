using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>One attempt to take one call out of the machine.</summary>
/// <param name="Number">From 1; every ticket is for this number only.</param>
/// <param name="Epoch">The task's epoch when policy decided it.</param>
/// <param name="Decision">Policy's signed note.</param>
internal sealed record Dispatch(
    ToolCall Call, int Number, long Epoch, DispatchPurpose Purpose, ReadOnlyMemory<byte> Decision);

/// <summary>What a tool runner needs beside the decision.</summary>
internal sealed record Tickets(
    Vault.V1.IssueLeaseResponse Lease, Audit.V1.AppendIntentResponse Receipt, Span LogSpan);

/// <summary>All tickets, or the reason why one is missing. Without all of them nothing can leave.</summary>
internal abstract record TicketAnswer
{
    internal sealed record Collected(Tickets Tickets) : TicketAnswer;

    internal sealed record Missing(MeshError Error) : TicketAnswer;
}

/// <summary>How a dispatch went, as far as can be known.</summary>
internal abstract record DispatchOutcome
{
    /// <summary>What was measured on the way, for the timeline.</summary>
    public IReadOnlyList<Span> Spans { get; init; } = [];

    /// <summary>The target answered, one way or the other.</summary>
    internal sealed record Answered(CallEnd End, Custody? Custody) : DispatchOutcome;

    /// <summary>It is certain that nothing was sent.</summary>
    /// <param name="IsFinal">Trying again would end the same way.</param>
    internal sealed record NotSent(string Reason, string Message, bool IsFinal = false) : DispatchOutcome;

    /// <summary>It was redeemed and may have been sent; nobody knows how it ended.</summary>
    internal sealed record Unclear(string Message) : DispatchOutcome;

    /// <summary>The probe found that the suspect was performed.</summary>
    internal sealed record ProbePerformed(ReadOnlyMemory<byte> Value, int HttpStatus, Custody? Custody) : DispatchOutcome;

    /// <summary>The probe found that the suspect was not performed.</summary>
    internal sealed record ProbeNotPerformed : DispatchOutcome;

    /// <summary>The runner did not answer; the fence has to be asked.</summary>
    internal sealed record Lost : DispatchOutcome;

    /// <summary>Not even the fence could be asked. Nothing is recorded; the question stays.</summary>
    internal sealed record CannotTell(MeshError Error) : DispatchOutcome;
}
