using Mesh.Cli.Output;

namespace Mesh.Cli.Secrets;

/// <summary>How secrets are shown: everything but their values.</summary>
internal static class SecretView
{
    public static Table<Vault.V1.Secret> List { get; } = new(
        secret => secret.Name,
        new("secret", secret => secret.Name),
        new("version", secret => $"{secret.Version}"),
        new("updated", secret => Told.Time(secret.UpdatedAt)),
        new("by", secret => secret.UpdatedBy));
}
