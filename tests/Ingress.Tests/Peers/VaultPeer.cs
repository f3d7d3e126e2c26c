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

        if (recorded.Webhooks.TryGetValue((request.Tenant, request.Webhook), out var webhook))
        {
            response.Known = true;
            response.Scheme = webhook.Scheme;
            response.Signature = webhook.Signature;
            response.Keys.Add(webhook.Secrets.Select(ByteString.CopyFromUtf8));
        }

        return Task.FromResult(response);
    }
}

/// <summary>A webhook as the vault knows it.</summary>
internal sealed record PlayedWebhook(string Scheme, Vault.V1.SignatureScheme? Signature, params string[] Secrets)
{
    public static PlayedWebhook StandardWebhooks(params string[] secrets) => new(
        "standard-webhooks",
        new Vault.V1.SignatureScheme
        {
            Header = "webhook-signature",
            Prefix = "v1,",
            Encoding = Vault.V1.SignatureEncoding.Base64,
            List = true,
            SignedText = "{id}.{timestamp}.{body}",
            IdHeader = "webhook-id",
            TimestampHeader = "webhook-timestamp",
            TimestampUnit = Vault.V1.TimestampUnit.Seconds,
            Tolerance = Duration.FromTimeSpan(TimeSpan.FromMinutes(5)),
            KeyEncoding = Vault.V1.KeyEncoding.Whsec,
            Dedupe = Vault.V1.Deduplication.SignedBytes,
        },
        secrets);

    public static PlayedWebhook GitHub(params string[] secrets) => new(
        "github",
        new Vault.V1.SignatureScheme
        {
            Header = "X-Hub-Signature-256",
            Prefix = "sha256=",
            Encoding = Vault.V1.SignatureEncoding.Hex,
            SignedText = "{body}",
            KeyEncoding = Vault.V1.KeyEncoding.Text,
            Dedupe = Vault.V1.Deduplication.SignedBytes,
        },
        secrets);
}
