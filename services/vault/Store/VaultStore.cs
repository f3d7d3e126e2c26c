using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Vault.Store;

/// <summary>Puts the vault's store together.</summary>
internal static class VaultStore
{
    public static void AddVaultStore(this WebApplicationBuilder builder)
    {
        builder.Services.AddStore<VaultDbContext>(builder.RequirePostgres());
        builder.AddReadiness("store", static async (services, stop) =>
            await Migrator.IsCurrentAsync<VaultDbContext>(services.GetRequiredService<NpgsqlDataSource>(), stop) ? null : "migrations are missing; run mesh db migrate");

        // Whether it committed is not known; every method says what a repeat does.
        builder.RefuseOn<NpgsqlException>(static error => StoreErrors.IsConnectionLost(error)
            ? new MeshError(StatusCode.Unavailable, Reason.StoreUnavailable, "The vault's store cannot be reached; whether it committed is not known.")
            : null);
    }
}
