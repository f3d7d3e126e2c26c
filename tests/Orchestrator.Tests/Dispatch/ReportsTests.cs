using Mesh.Errors.V1;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Toolrunner.V1;
using Outcome = Mesh.Toolrunner.V1.CallReport.Types.Outcome;
using Timestamp = Google.Protobuf.WellKnownTypes.Timestamp;

namespace Mesh.Orchestrator.Tests.Dispatch;

/// <summary>What follows from the reason for which a dispatch was not sent.</summary>
public sealed class ReportsTests
{
    private static readonly Tickets Tickets = new(
        new Vault.V1.IssueLeaseResponse { IssuedAt = new Timestamp() },
        new Audit.V1.AppendIntentResponse(),
        new Span("audit.log", "", "", DateTimeOffset.UnixEpoch, TimeSpan.Zero));

    private static readonly Vault.V1.Redemption Remembered = new() { IssuedAt = new Timestamp(), RedeemedAt = new Timestamp() };

    [Theory]
    [InlineData("LEASE_USED")]
    [InlineData("RECEIPT_USED")]
    [InlineData("DISPATCH_USED")]
    public void A_dispatch_that_somebody_redeemed_before_goes_to_the_fence_and_not_out_again(string reason)
    {
        var report = new CallReport { Outcome = Outcome.NotSent, Reason = reason };

        Assert.IsType<DispatchOutcome.Lost>(Reports.Read(report, Tickets));
        Assert.IsType<DispatchOutcome.Unclear>(Reports.Read(report, Remembered));
    }

    [Theory]
    [InlineData("LEASE_EXPIRED")]
    [InlineData("RECEIPT_TOO_OLD")]
    [InlineData("SERVICE_UNAVAILABLE")]
    public void A_dispatch_that_nobody_redeemed_was_not_sent(string reason)
    {
        var report = new CallReport { Outcome = Outcome.NotSent, Reason = reason };

        Assert.Equal(reason, Assert.IsType<DispatchOutcome.NotSent>(Reports.Read(report, Tickets)).Reason);
    }

    [Fact]
    public void New_tickets_would_change_nothing_about_these() => Assert.Equal(
        [
            Reason.InvalidArgument, Reason.SecretNotFound, Reason.LeaseMismatch, Reason.DecisionInvalid, Reason.ReceiptInvalid,
            Reason.ToolDefinitionChanged, Reason.EgressDenied, Reason.Unsupported,
        ],
        Enum.GetValues<Reason>().Where(Reports.IsFinal));

    [Fact]
    public void These_are_our_own_and_tried_again_for_as_long_as_the_task_lives() => Assert.Equal(
        [
            Reason.AuditUnavailable, Reason.VaultUnavailable, Reason.VaultSealed, Reason.LeaseExpired, Reason.LeaseNotFound, Reason.Fenced, Reason.ReceiptTooOld,
        ],
        Enum.GetValues<Reason>().Where(Reports.IsOurs));

    [Theory]
    [InlineData("EGRESS_DENIED", true)]
    [InlineData("SERVICE_UNAVAILABLE", false)]
    [InlineData("A_NEWER_RUNNERS_REASON", false)]
    [InlineData("", false)]
    public void A_report_is_read_by_the_name_of_its_reason(string reason, bool isFinal)
    {
        var report = PlayedPeers.Refused();
        report.Reason = reason;

        var outcome = Assert.IsType<DispatchOutcome.NotSent>(Reports.Read(report, Remembered));

        Assert.Equal((reason, isFinal), (outcome.Reason, outcome.IsFinal));
    }

    [Fact]
    public void What_a_newer_runner_says_may_have_been_sent()
    {
        var report = new CallReport { Outcome = (Outcome)99 };

        Assert.IsType<DispatchOutcome.Unclear>(Reports.Read(report, Remembered));
    }
}
