using Mesh.Manifests.Signatures;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Kinds;

/// <summary>A door for another system's events.</summary>
/// <param name="Scheme">The name that the manifest gives the scheme: <c>standard-webhooks</c>, <c>github</c> or <c>hmac</c>.</param>
/// <param name="Signature">How deliveries are signed and told apart, whatever the scheme's name.</param>
/// <param name="Secret">The verification key's name; the vault keeps it as <c>webhooks/secret</c>.</param>
/// <param name="Start">What a valid event starts.</param>
public sealed record WebhookManifest(string Scheme, SignatureScheme Signature, string Secret, WebhookStart Start) : Manifest;

/// <summary>The task that an event starts.</summary>
/// <param name="Workflow">The workflow's name.</param>
/// <param name="Input">The task's input, from <c>{body…}</c>; null starts it with an empty object.</param>
public sealed record WebhookStart(string Workflow, JsonTemplate? Input);
