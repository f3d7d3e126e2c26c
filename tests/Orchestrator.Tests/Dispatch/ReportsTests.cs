using Mesh.Errors.V1;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Tests.Played;
using Mesh.Toolrunner.V1;

namespace Mesh.Orchestrator.Tests.Dispatch;

/// <summary>What follows from the reason for which a dispatch was not sent.</summary>
public sealed class ReportsTests
{
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
            Reason.AuditUnavailable, Reason.VaultUnavailable, Reason.VaultSealed, Reason.LeaseExpired, Reason.LeaseNotFound, Reason.ReceiptUsed,
            Reason.Fenced,
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

        var outcome = Assert.IsType<DispatchOutcome.NotSent>(Reports.Read(report, tickets: null));

        Assert.Equal((reason, isFinal), (outcome.Reason, outcome.IsFinal));
    }

    [Fact]
    public void What_a_newer_runner_says_may_have_been_sent()
    {
        var report = new CallReport { Outcome = (CallReport.Types.Outcome)99 };

        Assert.IsType<DispatchOutcome.Unclear>(Reports.Read(report, tickets: null));
    }
}
