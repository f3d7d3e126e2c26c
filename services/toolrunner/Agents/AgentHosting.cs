using Mesh.Orchestrator.V1;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.Toolrunner.Agents;

/// <summary>Adds the running of agents to the service.</summary>
internal static class AgentHosting
{
    public static WebApplicationBuilder AddAgents(this WebApplicationBuilder builder)
    {
        builder.AddPeer<WorkService.WorkServiceClient>("orchestrator");
        builder.AddPeer<AssignmentService.AssignmentServiceClient>("orchestrator");

        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Listen(AgentEndPoint.Grpc, listener => listener.Protocols = HttpProtocols.Http2);
            server.Listen(AgentEndPoint.Json, listener => listener.Protocols = HttpProtocols.Http1);

            // An agent's only connection: it stays while the agent thinks. Not "infinite": Kestrel 10 adds that to its clock, which
            // overflows, and closes whatever connection is quiet when it looks, once a second.
            server.Limits.KeepAliveTimeout = TimeSpan.FromDays(365);
        });

        var services = builder.Services;
        services.AddSingleton<AgentTransport>();
        services.AddSingleton<IConnectionListenerFactory>(provider => provider.GetRequiredService<AgentTransport>());
        services.AddSingleton<AgentDoor>();
        services.AddHostedService(provider => provider.GetRequiredService<AgentDoor>());
        services.AddSingleton<Bundles>();
        services.AddSingleton<Scratch>();
        services.AddSingleton<AgentStarter>();
        services.AddSingleton<AgentsFile>();
        services.AddSingleton<AgentLoop>();
        services.AddHostedService<AgentFleet>();
        return builder;
    }
}
