using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Mesh.Ingress.Tests.Peers;

internal sealed class LeasePeer(Recorded recorded) : Vault.V1.LeaseService.LeaseServiceBase
{
    public override Task<Vault.V1.GetVerificationKeysResponse> GetVerificationKeys(Vault.V1.GetVerificationKeysRequest request, ServerCallContext context)
    {
        Interlocked.Increment(ref recorded.KeyQuestions);
        var response = new Vault.V1.GetVerificationKeysResponse { CacheFor = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)) };

        if (recorded.WebhookKeys.TryGetValue((request.Tenant, request.Webhook), out var keys))
        {
            response.Known = true;
            response.Scheme = "standard-webhooks";
            response.Keys.Add(keys.Select(key => ByteString.CopyFrom(key)));
        }

        return Task.FromResult(response);
    }
}
