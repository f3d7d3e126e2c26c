using Google.Protobuf.WellKnownTypes;
using Mesh.Sdk.Tests.Peer;
using Mesh.TestKit;

namespace Mesh.Sdk.Tests.Running;

public sealed class ParkingTests
{
    [Fact]
    public async Task A_wait_survives_a_handler_that_catches_everything_and_returns_a_result()
    {
        var mesh = new InMemoryMesh();
        var approved = false;
        var refusals = 0;
        mesh.Tool = call => Task.FromResult(
            call.Tool == "payments.refund" && !approved ? Answers.Waiting("approval:7") : Answers.Result(Value.ForString("ok")));
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, _) =>
            {
                try
                {
                    return await ctx.CallToolAsync<string>("payments.refund", new { Order = "1" });
                }
                catch (Exception)
                {
                    try
                    {
                        await ctx.CallToolAsync<string>("mail.send", new { To = "somebody" });
                    }
                    catch (Exception)
                    {
                        refusals++;
                    }

                    return "swallowed";
                }
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.WaitsOn is not null);

        Assert.Equal("approval:7", task.WaitsOn);
        Assert.Equal([1, 0], [refusals, mesh.RunsOf("mail.send")]);
        Assert.Equal("payments.refund#0", Assert.Single(task.Journal).Key);

        approved = true;
        mesh.Resume(task);
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal("ok", task.Last!.Completed.Result.StringValue);
        Assert.Equal(1, mesh.RunsOf("payments.refund"));
    }

    [Fact]
    public async Task A_task_is_parked_only_after_the_calls_of_its_other_branches_came_back()
    {
        var mesh = new InMemoryMesh();
        var slow = new TaskCompletionSource();
        mesh.Tool = async call =>
        {
            if (call.Tool == "payments.refund")
            {
                return Answers.Waiting("approval:7");
            }

            await slow.Task;
            return Answers.Result(Value.ForString("ok"));
        };
        var parked = new TaskCompletionSource();
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, stop) =>
            {
                var answer = ctx.Branch("crm").CallToolAsync<string>("crm.get_order", new { Order = "1" });

                try
                {
                    await ctx.Branch("money").CallToolAsync<string>("payments.refund", new { Order = "1" });
                }
                catch (OperationCanceledException)
                {
                    Assert.False(stop.IsCancellationRequested);
                    parked.SetResult();
                }

                return await answer;
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await parked.Task;
        Assert.Empty(task.Finishes);

        slow.SetResult();
        await Eventually.Async(() => task.WaitsOn is not null);

        Assert.Equal(1, mesh.RunsOf("crm.get_order"));
        Assert.NotNull(task.Journal.Single(step => step.Tool == "crm.get_order").Ended);
    }

    [Fact]
    public async Task A_handler_that_never_ends_cannot_keep_a_parked_task_from_waiting()
    {
        var mesh = new InMemoryMesh { Tool = _ => Task.FromResult(Answers.Waiting("approval:7")) };
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, _) =>
            {
                await Task.WhenAny(ctx.CallToolAsync<string>("payments.refund", null));
                await new TaskCompletionSource().Task;
                return "";
            },
            mesh,
            options => options.StopGrace = TimeSpan.Zero);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => task.WaitsOn is not null);

        Assert.Contains(process.Lines.All, line => line.Contains("left behind", StringComparison.Ordinal));
    }
}
