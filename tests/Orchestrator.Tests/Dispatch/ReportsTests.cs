using Google.Protobuf.WellKnownTypes;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Toolrunner.V1;
using Outcome = Mesh.Toolrunner.V1.CallReport.Types.Outcome;

namespace Mesh.Orchestrator.Tests.Dispatch;

public sealed class ReportsTests
{
    private static readonly Tickets Tickets = new(
        new Vault.V1.IssueLeaseResponse { IssuedAt = new Timestamp() },
        new Audit.V1.AppendIntentResponse(),
        new Span("audit.log", "", "", DateTimeOffset.UnixEpoch, TimeSpan.Zero));

    [Theory]
    [InlineData("LEASE_USED")]
    [InlineData("RECEIPT_USED")]
    public void A_dispatch_that_somebody_redeemed_before_goes_to_the_fence_and_not_out_again(string reason)
    {
        var report = new CallReport { Outcome = Outcome.NotSent, Reason = reason };

        Assert.IsType<DispatchOutcome.Lost>(Reports.Read(report, Tickets));
        Assert.IsType<DispatchOutcome.Unclear>(Reports.Read(report, tickets: null));
    }

    [Theory]
    [InlineData("LEASE_EXPIRED")]
    [InlineData("SERVICE_UNAVAILABLE")]
    public void A_dispatch_that_nobody_redeemed_was_not_sent(string reason)
    {
        var report = new CallReport { Outcome = Outcome.NotSent, Reason = reason };

        Assert.Equal(reason, Assert.IsType<DispatchOutcome.NotSent>(Reports.Read(report, Tickets)).Reason);
    }
}
