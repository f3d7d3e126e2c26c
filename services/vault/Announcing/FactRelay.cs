using Mesh.Bus;
using Mesh.ServiceHost;

namespace Mesh.Vault.Announcing;

/// <summary>Puts together how facts leave the vault.</summary>
internal static class FactRelay
{
    public static void AddAnnouncing(this WebApplicationBuilder builder)
    {
        builder.Services.AddEmbeddedBus(builder.MeshOptions().BusUrl ?? builder.RequirePostgres());
        builder.Services.AddOutboxRelay();
    }
}
