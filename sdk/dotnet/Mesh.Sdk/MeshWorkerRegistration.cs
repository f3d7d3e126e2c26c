using Mesh.Connection;
using Mesh.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Mesh;

/// <summary>Makes a program an agent.</summary>
public static class MeshWorkerRegistration
{
    /// <summary>Adds the worker that takes tasks from Mesh. Say which agents run them with <see cref="MeshWorkerBuilder.AddAgent{TAgent}"/>.</summary>
    /// <param name="builder">The host's builder.</param>
    /// <param name="configure">Changes the options; they are checked when the host starts.</param>
    public static MeshWorkerBuilder AddMeshWorker(this IHostApplicationBuilder builder, Action<MeshWorkerOptions>? configure = null)
    {
        var services = builder.Services;
        var options = new MeshWorkerOptions();
        configure?.Invoke(options);

        var agents = new AgentTable();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(agents);
        services.AddSingleton<AgentSocket>();
        services.AddSingleton<AgentClient>();
        services.AddSingleton<TaskRunner>();
        services.AddHostedService<WorkLoop>();

        return new MeshWorkerBuilder(services, agents);
    }
}
