using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Vault.Leases;

/// <summary>Whether policy and audit have signed exactly what the runner is about to send.</summary>
internal sealed class TicketCheck(TrustStore trust, MeshServiceOptions mesh, TimeProvider clock)
{
    public TicketOutcome Check(RedeemRequest request)
    {
        if (!DecisionTicket.TryVerify(request.Decision.Span, trust.Verifiers(TrustUse.PolicyDecision), out var decision, out _)
            || decision.Domain != mesh.Domain
            || decision.Action != request.Action
            || decision.Dispatch != request.Dispatch
            || decision.IsExpired(clock.GetUtcNow()))
        {
            return new TicketOutcome.Bad(Reason.DecisionInvalid);
        }

        // The action digest covers tenant, task, step, tool and arguments: a receipt of the same digest is a receipt for them.
        // In which log it is, is the appender's word: in another tenant's, those whom it concerns would never see it.
        if (!ReceiptTicket.TryVerify(request.Receipt.Span, trust.Verifiers(TrustUse.AuditReceipt), out var receipt, out _)
            || receipt.Origin != $"{mesh.Domain}/audit/{decision.Tenant}"
            || receipt.Action != decision.Action
            || receipt.Dispatch != decision.Dispatch
            || receipt.Epoch != decision.Epoch
            || receipt.Purpose != request.Purpose)
        {
            return new TicketOutcome.Bad(Reason.ReceiptInvalid);
        }

        return new TicketOutcome.Good(decision, receipt);
    }
}
