using Mesh.Errors.V1;
using Mesh.Integrity;

namespace Mesh.Vault.Leases;

/// <summary>What came of checking the two signed tickets.</summary>
internal abstract record TicketOutcome
{
    internal sealed record Good(DecisionTicket Decision, ReceiptTicket Receipt) : TicketOutcome;

    internal sealed record Bad(Reason Reason) : TicketOutcome;
}
