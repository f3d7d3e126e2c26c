using System.Reflection;
using Mesh.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mesh;

/// <summary>Says which agents a worker has.</summary>
public sealed class MeshWorkerBuilder
{
    private readonly AgentTable agents;

    internal MeshWorkerBuilder(IServiceCollection services, AgentTable agents) => (Services, this.agents) = (services, agents);

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Adds an agent by its class. Its constructor's parameters come from the host, in a scope for each run of a task.</summary>
    /// <typeparam name="TAgent">A class with exactly one <see cref="IAgent{TIn, TOut}"/>.</typeparam>
    public MeshWorkerBuilder AddAgent<TAgent>()
        where TAgent : class
    {
        var faces = typeof(TAgent).GetInterfaces()
            .Where(face => face.IsGenericType && face.GetGenericTypeDefinition() == typeof(IAgent<,>))
            .ToList();

        if (faces is not [var face])
        {
            throw new InvalidOperationException($"{typeof(TAgent)} must implement IAgent<TIn, TOut> once; it does so {faces.Count} times.");
        }

        var handler = typeof(AgentHandler<,,>).MakeGenericType([typeof(TAgent), .. face.GetGenericArguments()]);
        agents.Add(typeof(TAgent).GetCustomAttribute<AgentAttribute>()?.Workflow, (IHandler)Activator.CreateInstance(handler)!);
        Services.TryAddScoped<TAgent>();

        return this;
    }

    /// <summary>Adds an agent that is one function.</summary>
    /// <param name="workflow">The workflow that it runs.</param>
    /// <param name="run">What <see cref="IAgent{TIn, TOut}.RunAsync"/> would be.</param>
    /// <typeparam name="TIn">The task's input.</typeparam>
    /// <typeparam name="TOut">The task's result.</typeparam>
    public MeshWorkerBuilder AddAgent<TIn, TOut>(string workflow, Func<TIn, AgentContext, CancellationToken, Task<TOut>> run)
    {
        agents.Add(workflow, new FunctionHandler<TIn, TOut>(run));
        return this;
    }

    /// <summary>Adds an agent that is one function.</summary>
    /// <param name="workflow">The workflow that it runs.</param>
    /// <param name="run">What <see cref="IAgent{TIn, TOut}.RunAsync"/> would be.</param>
    /// <typeparam name="TIn">The task's input.</typeparam>
    /// <typeparam name="TOut">The task's result.</typeparam>
    public MeshWorkerBuilder AddAgent<TIn, TOut>(string workflow, Func<TIn, AgentContext, Task<TOut>> run) =>
        AddAgent<TIn, TOut>(workflow, (input, ctx, _) => run(input, ctx));
}
