using Mesh.Bus;

namespace Mesh.Vault.Announcing;

/// <summary>Puts together how facts leave the vault.</summary>
internal static class FactRelay
{
    public static void AddAnnouncing(this WebApplicationBuilder builder)
    {
        builder.AddBus();
        builder.Services.AddOutboxRelay();
    }
}
