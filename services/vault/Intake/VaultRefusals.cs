using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Vault.Intake;

/// <summary>How the vault's refusals are told: always with a reason, never with a hint at what would have been right.</summary>
internal static class VaultRefusals
{
    public static RefusalException Of(Reason reason) => reason switch
    {
        Reason.VaultSealed => Refusals.Refused(StatusCode.Unavailable, reason, "The vault is sealed; its operator has to start it with the right root key."),
        Reason.VaultUnavailable => Refusals.Refused(StatusCode.Unavailable, reason, "Another redemption of this lease was just given up; nothing happened."),
        Reason.LeaseUsed => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The lease was redeemed before. This was recorded as a security event."),
        Reason.LeaseExpired => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The lease has expired."),
        Reason.LeaseMismatch => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The lease is for another action, dispatch, epoch or redeemer."),
        Reason.LeaseNotFound => Refusals.NotFound(reason, "There is no such lease."),
        Reason.DecisionInvalid => Refusals.Refused(StatusCode.PermissionDenied, reason, "The decision is not policy's, not of now, or not for this action as the vault knows it."),
        Reason.ReceiptInvalid => Refusals.Refused(StatusCode.PermissionDenied, reason, "The receipt is not audit's, or not for this action and purpose."),
        Reason.ReceiptUsed => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The receipt was redeemed before."),
        Reason.ReceiptTooOld => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The receipt is older than what the vault remembers."),
        Reason.DispatchUsed => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The dispatch was redeemed before, by another lease or another receipt."),
        Reason.Fenced => Refusals.Refused(StatusCode.FailedPrecondition, reason, "The dispatch, or the task's epoch, was fenced."),
        Reason.WorkflowNotFound => Refusals.NotFound(reason, "The vault has no copy of this version of the workflow."),
        Reason.ToolNotFound => Refusals.NotFound(reason, "The vault has no copy of this definition of the tool."),
        Reason.ToolNotGranted => Refusals.Refused(StatusCode.PermissionDenied, reason, "This version of the workflow does not list the tool."),
        Reason.ToolDefinitionChanged => Refusals.Refused(StatusCode.FailedPrecondition, reason, "This version of the workflow has another definition of the tool."),
        Reason.SecretNotFound => Refusals.NotFound(reason, "The integration's secret was never put."),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "The vault does not refuse for this reason."),
    };
}
