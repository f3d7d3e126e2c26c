using Mesh.Bus;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>Connects the log to the bus.</summary>
internal static class FactsIntake
{
    public static void AddFacts(this WebApplicationBuilder builder)
    {
        var options = builder.MeshOptions();

        if (options.Bus != BusTransport.Postgres)
        {
            throw new StartupRefusedException("audit", $"MESH_BUS (--bus) {options.Bus} is not a transport of this build; it has postgres");
        }

        builder.Services.AddEmbeddedBus(options.BusUrl ?? builder.RequirePostgres());
        builder.Services.AddMessageHandler<FactsHandler>();
    }
}
