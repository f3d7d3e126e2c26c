using Mesh.Bus;
using Mesh.ServiceHost;

namespace Mesh.Vault.Announcing;

/// <summary>Puts together how facts leave the vault.</summary>
internal static class FactRelay
{
    public static void AddAnnouncing(this WebApplicationBuilder builder)
    {
        var options = builder.MeshOptions();

        if (options.Bus != BusTransport.Postgres)
        {
            throw new StartupRefusedException("vault", "MESH_BUS (--bus) must be postgres: this build has no other transport");
        }

        builder.Services.AddEmbeddedBus(options.BusUrl ?? builder.RequirePostgres());
        builder.Services.AddOutboxRelay();
    }
}
