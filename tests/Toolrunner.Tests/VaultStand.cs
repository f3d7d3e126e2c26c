using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Mesh.Vault.V1;

namespace Mesh.Toolrunner.Tests;

/// <summary>Answers redemptions by the vault's contract: each lease once, with what the test put behind it.</summary>
internal sealed class VaultStand : LeaseService.LeaseServiceBase
{
    public ConcurrentDictionary<string, RedeemLeaseResponse> Leases { get; } = new();

    public ConcurrentQueue<RedeemLeaseRequest> Redeemed { get; } = new();

    public Func<Task>? Before { get; set; }

    public string Issue(string baseUrl, string egress, string? secret, Injection? injection)
    {
        var lease = "mlt_" + Guid.NewGuid().ToString("N");
        Leases[lease] = new RedeemLeaseResponse
        {
            LeaseId = Guid.NewGuid().ToString("D"),
            RedeemedAt = DateTimeOffset.UtcNow.ToTimestamp(),
            Credential = ByteString.CopyFromUtf8(secret ?? ""),
            Injection = secret is null ? null : injection,
            BaseUrl = baseUrl,
            Egress = { egress },
        };
        return lease;
    }

    public override async Task<RedeemLeaseResponse> RedeemLease(RedeemLeaseRequest request, ServerCallContext context)
    {
        Redeemed.Enqueue(request);

        if (Before is { } before)
        {
            await before();
        }

        return Leases.TryRemove(request.Lease, out var answer)
            ? answer
            : throw Refusals.Refused(StatusCode.FailedPrecondition, Reason.LeaseUsed, "The lease was redeemed before.");
    }
}
