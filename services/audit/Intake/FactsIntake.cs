using Mesh.Bus;

namespace Mesh.Audit.Intake;

/// <summary>Connects the log to the bus.</summary>
internal static class FactsIntake
{
    public static void AddFacts(this WebApplicationBuilder builder)
    {
        builder.AddBus();
        builder.Services.AddMessageHandler<FactsHandler>();
    }
}
