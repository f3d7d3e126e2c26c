using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Manifests.Kinds;
using Mesh.Vault.Definitions;
using Mesh.Vault.Seal;

namespace Mesh.Vault.Secrets;

/// <summary>The keys that a webhook's signatures are checked with, by the vault's own copy of its manifest.</summary>
internal sealed class WebhookKeys(ManifestIntake manifests, SecretStore secrets)
{
    /// <summary>At most two, for the caller to dispose of; null when there is no such webhook.</summary>
    public async Task<IReadOnlyList<SecretBytes>?> FindAsync(string tenant, string webhook, VaultKeys keys, CancellationToken stop)
    {
        if (await manifests.FindAsync(tenant, ManifestKind.Webhook, webhook, stop) is not { Content: WebhookManifest manifest })
        {
            return null;
        }

        var name = SecretName.OfWebhook(manifest.Secret);
        var versions = await secrets.VerifyingAsync(tenant, name, stop);
        return [.. versions.Select(version => keys.Open(tenant, name, version))];
    }
}
