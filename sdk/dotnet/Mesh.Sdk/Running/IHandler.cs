using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Mesh.Payloads;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Running;

/// <summary>A handler without its types: values in and out.</summary>
internal interface IHandler
{
    public Task<Value> RunAsync(IServiceProvider services, Value input, AgentContext ctx, JsonSerializerOptions json, CancellationToken stop);
}

/// <summary>A class, made in the scope of the run.</summary>
internal sealed class AgentHandler<TAgent, TIn, TOut> : IHandler
    where TAgent : class, IAgent<TIn, TOut>
{
    public async Task<Value> RunAsync(
        IServiceProvider services, Value input, AgentContext ctx, JsonSerializerOptions json, CancellationToken stop)
    {
        var agent = services.GetRequiredService<TAgent>();
        var result = await agent.RunAsync(Payload.Read<TIn>(input, json, "The task's input"), ctx, stop);

        return Payload.Write(result, typeof(TOut), json, "The result");
    }
}

/// <summary>A function.</summary>
internal sealed class FunctionHandler<TIn, TOut>(Func<TIn, AgentContext, CancellationToken, Task<TOut>> run) : IHandler
{
    public async Task<Value> RunAsync(
        IServiceProvider services, Value input, AgentContext ctx, JsonSerializerOptions json, CancellationToken stop)
    {
        var result = await run(Payload.Read<TIn>(input, json, "The task's input"), ctx, stop);

        return Payload.Write(result, typeof(TOut), json, "The result");
    }
}
