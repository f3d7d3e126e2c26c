using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Audit.Schema;

/// <summary>Puts the log's store together.</summary>
internal static class AuditStore
{
    public static void AddAuditStore(this WebApplicationBuilder builder)
    {
        builder.Services.AddStore<AuditDbContext>(builder.RequirePostgres());
        builder.AddReadiness("store", static async (services, stop) =>
            await Migrator.IsCurrentAsync<AuditDbContext>(services.GetRequiredService<NpgsqlDataSource>(), stop) ? null : "migrations are missing; run mesh db migrate");
        builder.Services.AddHostedService<DurabilityCheck>();
    }
}
