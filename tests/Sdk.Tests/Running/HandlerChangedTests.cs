using Google.Protobuf.WellKnownTypes;
using Mesh.Sdk.Tests.Peer;
using Mesh.TestKit;

namespace Mesh.Sdk.Tests.Running;

public sealed class HandlerChangedTests
{
    [Theory]
    [InlineData("other step")]
    [InlineData("step for call")]
    [InlineData("call for step")]
    [InlineData("other tool")]
    [InlineData("other arguments")]
    [InlineData("swapped")]
    public async Task A_handler_that_asks_for_something_else_stops_the_task_before_anything_happens(string change)
    {
        var mesh = new InMemoryMesh();
        var done = 0;
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, ctx, _) =>
            {
                var changed = ctx.Attempt > 1 ? change : "";
                var count = (CancellationToken _) => Task.FromResult(Interlocked.Increment(ref done));

                try
                {
                    switch (changed)
                    {
                        case "other step":
                            await ctx.StepAsync("other", count);
                            break;
                        case "call for step":
                            await ctx.CallToolAsync<string>("shop.ask", null, step: "one");
                            break;
                        case "swapped":
                            await ctx.CallToolAsync<string>("shop.sell", new { Amount = 1 }, step: "two");
                            break;
                        default:
                            await ctx.StepAsync("one", count);
                            break;
                    }

                    switch (changed)
                    {
                        case "step for call":
                            await ctx.StepAsync("two", count);
                            break;
                        case "other tool":
                            await ctx.CallToolAsync<string>("shop.buy", new { Amount = 1 }, step: "two");
                            break;
                        default:
                            await ctx.CallToolAsync<string>("shop.sell", new { Amount = changed == "other arguments" ? 2 : 1 }, step: "two");
                            break;
                    }
                }
                catch (Exception) when (changed.Length > 0)
                {
                    // A handler that swallows everything is stopped all the same.
                }

                return ctx.Attempt == 1 ? throw new InvalidOperationException("once") : 0;
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal("HANDLER_CHANGED", task.Last!.Failed.Reason);
        Assert.False(task.Last.Failed.Retry);
        Assert.Equal(["one#0", "two#0"], task.Journal.Select(step => step.Key));
        Assert.Equal([1, 1, 0], [done, mesh.RunsOf("shop.sell"), mesh.RunsOf("shop.buy")]);
    }

    [Fact]
    public async Task Chains_in_branches_are_compared_each_in_its_own_order()
    {
        var mesh = new InMemoryMesh();
        var runs = 0;
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, ctx, _) =>
            {
                // The second run starts the chains the other way round.
                string[] names = ctx.Attempt == 1 ? ["left", "right"] : ["right", "left"];
                var sums = await Task.WhenAll(names.Select(async name =>
                {
                    var branch = ctx.Branch(name);
                    await branch.CallToolAsync<string>("shop.ask", new { name });

                    return await branch.StepAsync("count", _ => Task.FromResult(Interlocked.Increment(ref runs)));
                }));

                return ctx.Attempt == 1 ? throw new InvalidOperationException("once") : sums.Sum();
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(3, task.Last!.Completed.Result.NumberValue);
        Assert.Equal([2, 2], [runs, mesh.RunsOf("shop.ask")]);
        Assert.Equal([0, 2, 2], [task.Last.Positions[""], task.Last.Positions["left"], task.Last.Positions["right"]]);
        Assert.Equal(["left/count#0", "left/shop.ask#0", "right/count#0", "right/shop.ask#0"], task.Journal.Select(s => s.Key).Order());
    }
}
