using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>A tool runner's report, read.</summary>
internal static class Reports
{
    /// <summary>The report of who was given the dispatch.</summary>
    public static DispatchOutcome Read(Toolrunner.V1.CallReport report, Tickets tickets)
    {
        var custody = new Custody(
            tickets.Lease.LeaseId,
            tickets.Lease.IssuedAt.ToDateTimeOffset(),
            report.RedeemedAt?.ToDateTimeOffset(),
            report.RunnerInstance,
            tickets.Receipt.Origin,
            tickets.Receipt.Index);

        return Outcome(report, custody, isAsked: false) with { Spans = [tickets.LogSpan, .. report.Spans.Select(FactWire.ReadSpan)] };
    }

    /// <summary>The report of who was asked, because the vault remembers its redemption. The tickets are the vault's word.</summary>
    public static DispatchOutcome Read(Toolrunner.V1.CallReport report, Vault.V1.Redemption redemption)
    {
        var custody = new Custody(
            redemption.LeaseId,
            redemption.IssuedAt.ToDateTimeOffset(),
            redemption.RedeemedAt.ToDateTimeOffset(),
            redemption.RunnerInstance,
            redemption.AuditOrigin,
            redemption.AuditIndex);

        return Outcome(report, custody, isAsked: true) with { Spans = [.. report.Spans.Select(FactWire.ReadSpan)] };
    }

    private static DispatchOutcome Outcome(Toolrunner.V1.CallReport report, Custody custody, bool isAsked) => report.Outcome switch
    {
        // Not by this run, but somebody redeemed: only the fence can tell who, and how that ended. Who was asked because the
        // fence named it contradicts itself.
        Toolrunner.V1.CallReport.Types.Outcome.NotSent when report.Reason is "LEASE_USED" or "RECEIPT_USED" or "DISPATCH_USED" => isAsked
            ? new DispatchOutcome.Unclear("The tool runner that redeemed it says that somebody else did.")
            : new DispatchOutcome.Lost(),
        Toolrunner.V1.CallReport.Types.Outcome.Succeeded => new DispatchOutcome.Answered(
            new CallEnd.Succeeded(report.Value.Memory, report.HttpStatus, SettledBy: ""), custody),
        Toolrunner.V1.CallReport.Types.Outcome.Failed => new DispatchOutcome.Answered(
            new CallEnd.Failed(report.Reason, report.Message, report.HttpStatus, report.Value.Memory, SettledBy: ""), custody),
        Toolrunner.V1.CallReport.Types.Outcome.NotSent => new DispatchOutcome.NotSent(
            report.Reason, report.Message, IsFinal: IsFinal(ReasonNames.Parse(report.Reason))),
        Toolrunner.V1.CallReport.Types.Outcome.Unknown => new DispatchOutcome.Unclear(report.Message),
        Toolrunner.V1.CallReport.Types.Outcome.ProbePerformed => new DispatchOutcome.ProbePerformed(
            report.Value.Memory, report.HttpStatus, custody),
        Toolrunner.V1.CallReport.Types.Outcome.ProbeNotPerformed => new DispatchOutcome.ProbeNotPerformed(),

        // A newer runner said something that this version does not know: it may have been sent.
        _ => new DispatchOutcome.Unclear("The tool runner answered in a way that this version does not know."),
    };

    /// <summary>Whether a dispatch that was not sent for this reason would not be sent the next time either.</summary>
    public static bool IsFinal(Reason reason) => reason is
        Reason.EgressDenied or Reason.ToolDefinitionChanged or Reason.DecisionInvalid or Reason.ReceiptInvalid
        or Reason.LeaseMismatch or Reason.SecretNotFound or Reason.InvalidArgument or Reason.Unsupported;

    /// <summary>
    /// Whether our own services could not carry the dispatch. Then it is tried again for as long as the task lives: when the
    /// vault, the log or the runners are gone, the task waits. What the target or the call itself stood in the way of is not
    /// tried for ever.
    /// </summary>
    public static bool IsOurs(Reason reason) => reason is
        Reason.AuditUnavailable or Reason.VaultUnavailable or Reason.VaultSealed or Reason.Fenced or Reason.LeaseNotFound
        or Reason.LeaseExpired or Reason.ReceiptTooOld;
}
