using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Sdk.Tests.Peer;
using Mesh.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Sdk.Tests.Running;

public sealed class OutcomeTests
{
    private enum Currency
    {
        Eur,
        UsDollar,
    }

    private sealed record Refund(string OrderId, long AmountMinor, Currency Currency);

    [Fact]
    public async Task A_function_is_an_agent_and_records_are_snake_case_in_and_out()
    {
        var sent = new List<Value>();
        var mesh = new InMemoryMesh { Tool = call => { sent.Add(call.Arguments); return Task.FromResult(Answers.Result(call.Arguments)); } };
        await using var process = await AgentProcess.StartAsync(
            worker => worker.AddAgent("echo", (Refund input, AgentContext ctx) => ctx.CallToolAsync<Refund>("shop.echo", input)), mesh);

        var input = Value.Parser.ParseJson("""{"order_id": "1001", "amount_minor": 1234567890123456, "currency": "us_dollar"}""");
        var task = mesh.Submit(input, "echo");
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(input, Assert.Single(sent));
        Assert.Equal(input, task.Last!.Completed.Result);
    }

    private sealed class Counter
    {
        public int Made { get; set; }
    }

    private sealed class CountingAgent(Counter counter) : IAgent<int, int>
    {
        public Task<int> RunAsync(int input, AgentContext ctx, CancellationToken stop) => Task.FromResult(++counter.Made);
    }

    [Fact]
    public async Task Every_run_has_a_scope_of_its_own()
    {
        await using var process = await AgentProcess.StartAsync(worker =>
        {
            worker.Services.AddScoped<Counter>();
            worker.AddAgent<CountingAgent>();
        });

        AgentTask[] tasks = [process.Mesh.Submit(Value.ForNumber(0)), process.Mesh.Submit(Value.ForNumber(0))];
        await Eventually.Async(() => tasks.All(task => task.HasEnded));

        Assert.All(tasks, task => Assert.Equal(1, task.Last!.Completed.Result.NumberValue));
    }

    [Fact]
    public async Task A_denied_call_ends_the_task_with_its_reason_unless_the_handler_goes_on()
    {
        var mesh = new InMemoryMesh { Tool = _ => Task.FromResult(Answers.Denied("POLICY_DENIED", "never-above")) };
        await using var process = await AgentProcess.StartAsync<bool, string>(
            async (catches, ctx, _) =>
            {
                try
                {
                    return await ctx.CallToolAsync<string>("payments.refund", null);
                }
                catch (ToolDeniedException e) when (catches)
                {
                    return $"{e.Reason} by {e.Rule}";
                }
            },
            mesh);

        AgentTask[] tasks = [mesh.Submit(Value.ForBool(false)), mesh.Submit(Value.ForBool(true))];
        await Eventually.Async(() => tasks.All(task => task.HasEnded));

        Assert.Equal(("POLICY_DENIED", false), (tasks[0].Last!.Failed.Reason, tasks[0].Last!.Failed.Retry));
        Assert.Equal("POLICY_DENIED by never-above", tasks[1].Last!.Completed.Result.StringValue);
    }

    [Fact]
    public async Task A_failed_call_tells_the_handler_the_status_and_what_the_target_said()
    {
        var said = Value.Parser.ParseJson("""{"detail": "no such order"}""");
        var mesh = new InMemoryMesh { Tool = _ => Task.FromResult(Answers.Failed(404, said)) };
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, _) =>
            {
                var e = await Assert.ThrowsAsync<ToolFailedException>(() => ctx.CallToolAsync<string>("crm.get_order", null));
                return $"{e.Reason} {e.HttpStatus} {e.Value!.Value.GetProperty("detail").GetString()}";
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal("TOOL_FAILED 404 no such order", task.Last!.Completed.Result.StringValue);
    }

    [Fact]
    public async Task An_exception_is_retried_and_its_stack_stays_here()
    {
        await using var process = await AgentProcess.StartAsync<int, int>((_, ctx, _) =>
            ctx.Attempt < 3 ? throw new InvalidOperationException("no luck") : Task.FromResult(ctx.Attempt));

        var task = process.Mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(3, task.Last!.Completed.Result.NumberValue);
        Assert.True(task.Finishes[0].Failed.Retry);
        Assert.Equal("InvalidOperationException: no luck", task.Finishes[0].Failed.Message);
    }

    [Fact]
    public async Task A_number_that_a_double_would_change_is_refused_here_with_its_place()
    {
        var path = "";
        await using var process = await AgentProcess.StartAsync<int, int>(async (_, ctx, _) =>
        {
            var refused = await Assert.ThrowsAsync<PayloadRefusedException>(() =>
                ctx.CallToolAsync<JsonElement>("shop.sell", new { Items = new[] { 1, 9_007_199_254_740_993 } }));
            path = refused.Path;
            await ctx.CallToolAsync<JsonElement>("shop.sell", new { Items = new[] { 1, 2 } });
            return await ctx.StepAsync("count", _ => Task.FromResult(0.1 + 0.2)) > 9_007_199_254_740_993 ? 1 : throw refused;
        });

        var task = process.Mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal("/items/1", path);
        Assert.Equal(("JSON_REFUSED", false), (task.Last!.Failed.Reason, task.Last.Failed.Retry));
        Assert.Equal(["shop.sell#0", "count#0"], task.Journal.Select(step => step.Key));
    }

    [Fact]
    public async Task A_call_that_mesh_does_not_accept_names_the_reason_and_is_not_retried()
    {
        var mesh = new InMemoryMesh
        {
            Before = request =>
            {
                if (request is Agent.V1.CallToolRequest)
                {
                    throw Answers.Refusal(StatusCode.PermissionDenied, "TOOL_NOT_GRANTED", "Not listed.");
                }
            },
        };
        await using var process = await AgentProcess.StartAsync<int, string>(
            (_, ctx, _) => ctx.CallToolAsync<string>("vault.open", null), mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(("TOOL_NOT_GRANTED", false), (task.Last!.Failed.Reason, task.Last.Failed.Retry));
        Assert.Single(mesh.Asked<Agent.V1.CallToolRequest>());
    }

    [Fact]
    public async Task An_input_that_is_not_what_the_handler_reads_fails_with_the_member_that_is_missing()
    {
        await using var process = await AgentProcess.StartAsync<Refund, int>((_, _, _) => Task.FromResult(1));

        var task = process.Mesh.Submit(Value.Parser.ParseJson("""{"order_id": "1001", "currency": "eur"}"""));
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(("SCHEMA_MISMATCH", false), (task.Last!.Failed.Reason, task.Last.Failed.Retry));
        Assert.Contains("amount_minor", task.Last.Failed.Message);
    }
}
