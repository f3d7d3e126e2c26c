using System.Runtime.InteropServices;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Custody;

/// <summary>Turns the tickets of a dispatch into a grant, at the vault, once.</summary>
internal sealed class Redeemer(Vault.V1.LeaseService.LeaseServiceClient vault, RunnerIdentity self)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task<Redemption> RedeemAsync(DispatchId dispatch, TicketPurpose purpose, Tickets tickets)
    {
        try
        {
            // Not cancelled with the caller: what was burnt must be known.
            var response = await vault.RedeemLeaseAsync(
                new Vault.V1.RedeemLeaseRequest
                {
                    Lease = tickets.Lease,
                    Decision = UnsafeByteOperations.UnsafeWrap(tickets.Decision),
                    Receipt = UnsafeByteOperations.UnsafeWrap(tickets.Receipt),
                    ActionDigest = UnsafeByteOperations.UnsafeWrap(dispatch.Action.Hash.ToArray()),
                    Dispatch = dispatch.Dispatch,
                    Purpose = purpose.Word(),
                    RunnerInstance = self.Instance,
                    RunnerAddress = self.Address,
                },
                deadline: DateTime.UtcNow + Patience);

            return new Redemption.Granted(Read(response));
        }
        catch (RpcException silence)
        {
            // Nothing was sent to the target, also when the vault redeemed and its answer was lost.
            var failure = RpcFailure.Read(silence);
            return IsRefusal(failure.Reason)
                ? new Redemption.Refused(failure.Reason, failure.Message)
                : new Redemption.Refused(Reason.VaultUnavailable, "The vault did not answer; nothing was sent.");
        }
    }

    private static bool IsRefusal(Reason reason) => reason is not (
        Reason.Unspecified or Reason.Internal or Reason.StoreUnavailable or Reason.ServiceUnavailable
        or Reason.DeadlineExceeded or Reason.Overloaded);

    private static Grant Read(Vault.V1.RedeemLeaseResponse response) => new()
    {
        LeaseId = response.LeaseId,
        RedeemedAt = response.RedeemedAt.ToDateTimeOffset(),
        Credential = response.Injection is null ? null : Take(response.Credential),
        Slot = response.Injection is { } injection ? Read(injection) : null,
        BaseUrl = response.BaseUrl,
        Egress = [.. response.Egress],
    };

    private static CredentialSlot Read(Vault.V1.Injection injection) => injection.SlotCase switch
    {
        Vault.V1.Injection.SlotOneofCase.Header => new CredentialSlot.Header(injection.Header.Name, injection.Header.Format),
        Vault.V1.Injection.SlotOneofCase.Query => new CredentialSlot.Query(injection.Query),
        _ => new CredentialSlot.Basic(injection.BasicUsername),
    };

    // The message's own copy is erased; what the transport's buffers held is not ours to reach.
    private static SecretBytes Take(ByteString credential) =>
        MemoryMarshal.TryGetArray(credential.Memory, out var bytes)
            ? SecretBytes.Take(bytes.AsSpan())
            : SecretBytes.CopyOf(credential.Span);
}
