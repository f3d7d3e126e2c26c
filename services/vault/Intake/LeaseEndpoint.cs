using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Mesh.Vault.Leases;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Intake;

/// <summary>The door for the other services: leases, redemptions, fences, verification keys.</summary>
internal sealed class LeaseEndpoint(
    RedeemFlow flow, LeaseStore leases, FenceStore fences, WebhookKeys webhooks, VaultSeal seal, LeaseMetrics metrics, MeshServiceOptions mesh) : V1.LeaseService.LeaseServiceBase
{
    private const string RedeemerService = "toolrunner";

    private static readonly Duration CacheFor = TimeSpan.FromSeconds(60).ToDuration();

    public override async Task<V1.IssueLeaseResponse> IssueLease(V1.IssueLeaseRequest request, ServerCallContext context)
    {
        var terms = Wire.Read(request);
        var redeemer = new SpiffeId(mesh.Domain, RedeemerService).ToString();
        var lease = await leases.IssueAsync(terms, redeemer, Unsealed(), context.CancellationToken);
        metrics.Issued();
        return Wire.Write(lease);
    }

    public override async Task<V1.RedeemLeaseResponse> RedeemLease(V1.RedeemLeaseRequest request, ServerCallContext context)
    {
        // The identity of the connection, never a field of the request.
        var caller = new SpiffeId(mesh.Domain, context.Caller().Name);

        if (Wire.Read(request, caller) is not { } redemption)
        {
            throw VaultRefusals.Of(Reason.LeaseNotFound);
        }

        var outcome = await flow.RunAsync(redemption, context.CancellationToken);

        if (outcome is not RedeemOutcome.Redeemed redeemed)
        {
            throw VaultRefusals.Of(((RedeemOutcome.Refused)outcome).Reason);
        }

        metrics.Redeemed();
        var (response, credential) = Wire.Write(redeemed);
        context.GetHttpContext().Response.OnCompleted(() =>
        {
            CryptographicOperations.ZeroMemory(credential);
            return Task.CompletedTask;
        });
        return response;
    }

    public override async Task<V1.FenceResponse> Fence(V1.FenceRequest request, ServerCallContext context)
    {
        var (scope, since) = Wire.Read(request);
        return Wire.Write(await fences.FenceAsync(scope, since, context.CancellationToken));
    }

    public override async Task<V1.GetVerificationKeysResponse> GetVerificationKeys(V1.GetVerificationKeysRequest request, ServerCallContext context)
    {
        var response = new V1.GetVerificationKeysResponse { CacheFor = CacheFor };

        if (await webhooks.FindAsync(request.Tenant, request.Webhook, Unsealed(), context.CancellationToken) is not { } webhook)
        {
            return response;
        }

        response.Known = true;
        response.Scheme = webhook.Manifest.Scheme;
        response.Signature = Wire.Write(webhook.Manifest.Signature);

        foreach (var secret in webhook.Secrets)
        {
            using (secret)
            {
                response.Keys.Add(ByteString.CopyFrom(secret.Span));
            }
        }

        return response;
    }

    private VaultKeys Unsealed() => seal.TryGetKeys(out var keys) ? keys : throw VaultRefusals.Of(Reason.VaultSealed);
}
