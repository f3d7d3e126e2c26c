using Mesh.Manifests.Signatures;

namespace Mesh.Ingress.Webhooks;

/// <summary>How one webhook's deliveries are checked, as the vault said it.</summary>
/// <param name="Scheme">How they are signed.</param>
/// <param name="Keys">What they are signed with.</param>
/// <param name="AskedAt">When the vault was asked.</param>
internal sealed record WebhookDoor(SignatureScheme Scheme, WebhookKeys Keys, DateTimeOffset AskedAt)
{
    /// <summary>There is no such webhook: what a stranger sends to it is checked all the same.</summary>
    public bool IsUnknown => ReferenceEquals(Keys, WebhookKeys.None);

    public static WebhookDoor Unknown(DateTimeOffset askedAt) => new(SignatureScheme.StandardWebhooks, WebhookKeys.None, askedAt);
}
