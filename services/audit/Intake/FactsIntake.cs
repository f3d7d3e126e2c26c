using Mesh.Bus;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>Connects the log to the bus.</summary>
internal static class FactsIntake
{
    public static void AddFacts(this WebApplicationBuilder builder)
    {
        builder.Services.AddEmbeddedBus(builder.MeshOptions().BusUrl ?? builder.RequirePostgres());
        builder.Services.AddMessageHandler<FactsHandler>();
    }
}
