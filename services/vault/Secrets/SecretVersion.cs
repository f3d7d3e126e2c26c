namespace Mesh.Vault.Secrets;

/// <summary>What is known about a secret beside its value.</summary>
internal sealed record SecretVersion(SecretName Name, long Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string UpdatedBy);
