using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Sdk.Tests.Peer;
using Mesh.TestKit;

namespace Mesh.Sdk.Tests.Running;

public sealed class RerunTests
{
    private sealed record Order(string OrderId);

    private sealed record Outcome(string First, string Second, int Attempt);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task An_agent_that_dies_after_any_step_does_no_recorded_step_again(int deathAfter)
    {
        var mesh = new InMemoryMesh();
        AgentTask? task = null;
        var asked = 0;
        mesh.After = request =>
        {
            if (request is not Agent.V1.FinishWorkRequest && ++asked == deathAfter + 1)
            {
                // It is recorded, and the agent that asked never hears of it.
                mesh.TakeOver(task!);
                throw Answers.Refusal(StatusCode.FailedPrecondition, "CLAIM_LOST", "Taken over.");
            }
        };
        var done = new List<string>();
        await using var process = await AgentProcess.StartAsync<Order, Outcome>(
            async (order, ctx, _) =>
            {
                var first = await ctx.StepAsync("think", _ => Do("think", $"{order.OrderId} in {ctx.Attempt}"));
                await ctx.CallToolAsync<string>("payments.refund", new { Order = order.OrderId });
                var second = await ctx.StepAsync("think", _ => Do("think again", first + "!"));
                await ctx.CallToolAsync<string>("mail.send", new { Text = second });

                return new Outcome(first, second, ctx.Attempt);
            },
            mesh);

        task = mesh.Submit(Value.ForStruct(new Struct { Fields = { ["order_id"] = Value.ForString("1001") } }));
        await Eventually.Async(() => task.HasEnded);

        var result = task.Last!.Completed.Result.StructValue.Fields;
        Assert.Equal("1001 in 1", result["first"].StringValue);
        Assert.Equal("1001 in 1!", result["second"].StringValue);
        Assert.Equal(deathAfter < 4 ? 2 : 1, task.Attempt);
        Assert.Equal(["think", "think again"], done);
        Assert.Equal([1, 1], [mesh.RunsOf("payments.refund"), mesh.RunsOf("mail.send")]);
        Assert.Equal(["think#0", "payments.refund#0", "think#1", "mail.send#0"], task.Journal.Select(step => step.Key));
        Assert.Equal(4, task.Last.Positions[""]);

        Task<string> Do(string what, string value)
        {
            done.Add(what);
            return Task.FromResult(value);
        }
    }

    [Fact]
    public async Task Beyond_a_history_that_was_cut_the_server_is_asked_before_a_step_is_done()
    {
        var mesh = new InMemoryMesh { HistoryMax = 1 };
        var done = 0;
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, ctx, _) =>
            {
                var sum = 0;

                for (var i = 0; i < 3; i++)
                {
                    sum += await ctx.StepAsync("count", _ => Task.FromResult(Interlocked.Increment(ref done)));
                }

                return ctx.Attempt == 1 ? throw new InvalidOperationException("once") : sum;
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(3, done);
        Assert.Equal(6, task.Last!.Completed.Result.NumberValue);
    }

    [Fact]
    public async Task The_contexts_logger_does_not_say_twice_what_an_earlier_run_said()
    {
        await using var process = await AgentProcess.StartAsync<int, int>(async (_, ctx, _) =>
        {
            Say("before");
            await ctx.StepAsync("one", _ => Task.FromResult(1));
            Say("between");
            await ctx.StepAsync("two", _ => Task.FromResult(2));
            Say($"after, in {ctx.Attempt}");

            return ctx.Attempt < 3 ? throw new InvalidOperationException("again") : 0;

            void Say(string what) => ctx.Logger.Log(Microsoft.Extensions.Logging.LogLevel.Information, default, what, null, (text, _) => text);
        });

        var task = process.Mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(
            ["before", "between", "after, in 1", "after, in 2", "after, in 3"],
            process.Lines.All.Where(line => line.StartsWith("before") || line.StartsWith("between") || line.StartsWith("after")));
    }

    [Fact]
    public async Task A_step_inside_a_step_is_refused_because_only_the_first_run_would_ask_for_it()
    {
        await using var process = await AgentProcess.StartAsync<int, int>((_, ctx, _) =>
            ctx.StepAsync("outer", async _ => ctx.Attempt == 1 ? await ctx.StepAsync("inner", _ => Task.FromResult(1)) : 2));

        var task = process.Mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Contains("must not contain steps", task.Finishes[0].Failed.Message);
        Assert.Equal(["outer#0"], task.Journal.Select(step => step.Key));
    }
}
