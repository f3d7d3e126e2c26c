using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>A tool runner's report, read.</summary>
internal static class Reports
{
    public static DispatchOutcome Read(Toolrunner.V1.CallReport report, Tickets? tickets)
    {
        var custody = (tickets?.AsCustody() ?? new Custody(report.LeaseId, default, null, "", "", 0)) with
        {
            RedeemedAt = report.RedeemedAt?.ToDateTimeOffset(),
            RunnerInstance = report.RunnerInstance,
        };
        IReadOnlyList<Span> spans =
        [
            .. tickets is null ? Array.Empty<Span>() : [tickets.LogSpan],
            .. report.Spans.Select(FactWire.ReadSpan),
        ];

        return Outcome(report, custody, isAsked: tickets is null) with { Spans = spans };
    }

    private static DispatchOutcome Outcome(Toolrunner.V1.CallReport report, Custody custody, bool isAsked) => report.Outcome switch
    {
        // Not by this run, but somebody redeemed: only the fence can tell who, and how that ended. Who was asked because the
        // fence named it contradicts itself.
        Toolrunner.V1.CallReport.Types.Outcome.NotSent when report.Reason is "LEASE_USED" or "RECEIPT_USED" => isAsked
            ? new DispatchOutcome.Unclear("The tool runner that redeemed it says that somebody else did.")
            : new DispatchOutcome.Lost(),
        Toolrunner.V1.CallReport.Types.Outcome.Succeeded => new DispatchOutcome.Answered(
            new CallEnd.Succeeded(report.Value.Memory, report.HttpStatus, SettledBy: ""), custody),
        Toolrunner.V1.CallReport.Types.Outcome.Failed => new DispatchOutcome.Answered(
            new CallEnd.Failed(report.Reason, report.Message, report.HttpStatus, report.Value.Memory, SettledBy: ""), custody),
        Toolrunner.V1.CallReport.Types.Outcome.NotSent => new DispatchOutcome.NotSent(
            report.Reason, report.Message, IsFinal: IsFinal(report.Reason)),
        Toolrunner.V1.CallReport.Types.Outcome.Unknown => new DispatchOutcome.Unclear(report.Message),
        Toolrunner.V1.CallReport.Types.Outcome.ProbePerformed => new DispatchOutcome.ProbePerformed(
            report.Value.Memory, report.HttpStatus, custody),
        Toolrunner.V1.CallReport.Types.Outcome.ProbeNotPerformed => new DispatchOutcome.ProbeNotPerformed(),

        // A newer runner said something that this version does not know: it may have been sent.
        _ => new DispatchOutcome.Unclear("The tool runner answered in a way that this version does not know."),
    };

    // New tickets would change nothing about these.
    private static bool IsFinal(string reason) => reason is
        "EGRESS_DENIED" or "TOOL_DEFINITION_CHANGED" or "DECISION_INVALID" or "RECEIPT_INVALID" or "LEASE_MISMATCH"
        or "SECRET_NOT_FOUND" or "INVALID_ARGUMENT" or "UNSUPPORTED";
}
