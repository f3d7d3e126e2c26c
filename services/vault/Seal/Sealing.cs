using Mesh.Integrity;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Vault.Seal;

/// <summary>Puts the seal together.</summary>
internal static class Sealing
{
    /// <summary>Reads the root key. Without one the vault does not start; with a wrong one it starts and stays sealed.</summary>
    public static void AddSeal(this WebApplicationBuilder builder)
    {
        SecretBytes root;

        try
        {
            root = RootKeyFile.Read(builder.MeshOptions().Keys);
        }
        catch (RootKeyRefusedException refused)
        {
            throw new StartupRefusedException("vault", refused.Message);
        }

        builder.Services.AddSingleton(services => new VaultSeal(
            root, services.GetRequiredService<NpgsqlDataSource>(), services.GetRequiredService<ILogger<VaultSeal>>()));
        builder.Services.AddHostedService<Unsealing>();
        builder.AddReadiness("seal", static (services, _) => ValueTask.FromResult(services.GetRequiredService<VaultSeal>().Trouble));
    }
}
