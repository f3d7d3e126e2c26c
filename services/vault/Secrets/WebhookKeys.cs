using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Signatures;
using Mesh.Vault.Definitions;
using Mesh.Vault.Seal;

namespace Mesh.Vault.Secrets;

/// <summary>The keys that a webhook's signatures are checked with, by the vault's own copy of its manifest.</summary>
internal sealed class WebhookKeys(ManifestIntake manifests, SecretStore secrets)
{
    /// <summary>Null when there is no such webhook.</summary>
    public async Task<WebhookVerification?> FindAsync(string tenant, string webhook, VaultKeys keys, CancellationToken stop)
    {
        if (await manifests.FindAsync(tenant, ManifestKind.Webhook, webhook, stop) is not { Content: WebhookManifest manifest })
        {
            return null;
        }

        var name = SecretName.OfWebhook(manifest.Secret);
        var versions = await secrets.VerifyingAsync(tenant, name, stop);
        return new WebhookVerification(manifest, [.. versions.Select(version => keys.Open(tenant, name, version))]);
    }

    /// <summary>Why a value cannot be the secret of the webhooks that name it; null when it can.</summary>
    /// <remarks>A secret that none names yet may have any form that some webhook could ask for.</remarks>
    public async Task<string?> MisfitAsync(string tenant, SecretName name, SecretBytes value, CancellationToken stop)
    {
        var named = (await manifests.ListAsync(tenant, ManifestKind.Webhook, stop))
            .Select(document => document.Content).OfType<WebhookManifest>()
            .Where(webhook => SecretName.OfWebhook(webhook.Secret) == name)
            .Select(webhook => webhook.Signature.KeyEncoding).Distinct().ToList();

        return named.Count == 0
            ? Enum.GetValues<KeyEncoding>().Any(Fits) ? null : $"{KeyEncoding.Text.Limit()}, or {KeyEncoding.Whsec.Limit()}"
            : named.Where(encoding => !Fits(encoding)).Select(encoding => encoding.Limit()).FirstOrDefault();

        bool Fits(KeyEncoding encoding)
        {
            using var key = encoding.Decode(value.Span);
            return key is not null;
        }
    }
}

/// <summary>A webhook, and the secrets whose signatures count now: at most two, for whoever asked to dispose of.</summary>
internal sealed record WebhookVerification(WebhookManifest Manifest, IReadOnlyList<SecretBytes> Secrets);
