using System.Diagnostics;
using Mesh;
using Mesh.Bench.Agent;
using Microsoft.Extensions.Hosting;

var builder = Host.CreateApplicationBuilder(args);
builder.AddMeshWorker(options => options.Concurrency = 64)
    .AddAgent("write", async (WriteRequest request, AgentContext ctx, CancellationToken _) =>
        await ctx.CallToolAsync<Written>("bench.write", new { request.Key }))
    .AddAgent("steps", async (StepsRequest request, AgentContext ctx, CancellationToken _) =>
    {
        var times = new double[request.Steps];

        for (var step = 0; step < request.Steps; step++)
        {
            var started = Stopwatch.GetTimestamp();
            var number = step;
            await ctx.StepAsync("step", _ => Task.FromResult(number));
            times[step] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        Array.Sort(times);

        return new StepsTaken(times[times.Length / 2], times[Math.Min(times.Length - 1, times.Length * 99 / 100)]);
    })
    .AddAgent<PacedRequest, Paced>("paced-1", PacedAsync)
    .AddAgent<PacedRequest, Paced>("paced-2", PacedAsync);

await builder.Build().RunAsync();

static async Task<Paced> PacedAsync(PacedRequest request, AgentContext ctx, CancellationToken stop)
{
    for (var step = 0; step < request.Steps; step++)
    {
        await ctx.StepAsync("step", _ => Task.FromResult(0));
        await Task.Delay(request.PauseMs, stop);
    }

    return new Paced(request.Steps);
}
