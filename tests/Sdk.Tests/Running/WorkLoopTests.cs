using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Sdk.Tests.Peer;
using Mesh.TestKit;

namespace Mesh.Sdk.Tests.Running;

public sealed class WorkLoopTests
{
    private static readonly TimeSpan Hurry = TimeSpan.FromMilliseconds(20);

    [Theory]
    [InlineData(StatusCode.Unavailable, "STORE_UNAVAILABLE")]
    [InlineData(StatusCode.ResourceExhausted, "OVERLOADED")]
    [InlineData(StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED")]
    [InlineData(StatusCode.FailedPrecondition, "AUDIT_UNAVAILABLE")]
    public async Task A_call_that_is_not_answered_is_repeated_with_the_same_fields_and_the_tool_runs_once(StatusCode code, string reason)
    {
        var mesh = new InMemoryMesh();
        var lost = new HashSet<System.Type>();
        mesh.After = request =>
        {
            if (lost.Add(request.GetType()))
            {
                throw Answers.Refusal(code, reason, "Try again.", TimeSpan.FromMilliseconds(10));
            }
        };
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, _) =>
            {
                var one = await ctx.StepAsync("one", _ => Task.FromResult(1));
                return await ctx.CallToolAsync<string>("payments.refund", new { Amount = one });
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => mesh.Asked<Agent.V1.FinishWorkRequest>().Count == 2);

        Assert.Equal(1, mesh.RunsOf("payments.refund"));
        Assert.Single(task.Finishes);
        Same(mesh.Asked<Agent.V1.RecordStepRequest>());
        Same(mesh.Asked<Agent.V1.CallToolRequest>());
        Same(mesh.Asked<Agent.V1.FinishWorkRequest>());

        static void Same<T>(IReadOnlyList<T> requests)
        {
            Assert.Equal(2, requests.Count);
            Assert.Equal(requests[0], requests[1]);
        }
    }

    [Fact]
    public async Task A_lost_claim_stops_the_handler_at_once_and_nothing_more_is_said_about_the_task()
    {
        var mesh = new InMemoryMesh();
        var began = new TaskCompletionSource();
        var stopped = new TaskCompletionSource();
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, ctx, stop) =>
            {
                began.SetResult();
                await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ctx.CallToolAsync<string>("payments.refund", null));
                stopped.SetResult();
                return 1;
            },
            mesh,
            options => options.ExtendEvery = Hurry);

        var task = mesh.Submit(Value.ForNumber(0));
        await began.Task;
        mesh.EndClaim(task);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        await Eventually.Async(() => process.Lines.All.Any(line => line.Contains("belongs to somebody else", StringComparison.Ordinal)));

        Assert.Empty(mesh.Asked<Agent.V1.CallToolRequest>());
        Assert.Empty(mesh.Asked<Agent.V1.FinishWorkRequest>());
    }

    [Fact]
    public async Task A_cancelled_task_stops_and_is_finished_as_failed()
    {
        var mesh = new InMemoryMesh();
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, _, stop) =>
            {
                await Task.Delay(Timeout.Infinite, stop);
                return 1;
            },
            mesh,
            options => options.ExtendEvery = Hurry);

        var task = mesh.Submit(Value.ForNumber(0));
        task.IsCancelRequested = true;
        await Eventually.Async(() => task.HasEnded);

        Assert.Equal(("CANCELLED", false), (task.Last!.Failed.Reason, task.Last.Failed.Retry));
    }

    [Fact]
    public async Task A_process_that_is_told_to_stop_records_what_was_done_and_gives_its_claims_back()
    {
        var mesh = new InMemoryMesh();
        var began = new TaskCompletionSource();
        var work = new TaskCompletionSource<string>();
        await using var process = await AgentProcess.StartAsync<int, string>(
            async (_, ctx, _) =>
            {
                var done = await ctx.StepAsync("slow", _ =>
                {
                    began.SetResult();
                    return work.Task;
                });
                return await ctx.CallToolAsync<string>("mail.send", new { Text = done });
            },
            mesh);

        var task = mesh.Submit(Value.ForNumber(0));
        await began.Task;
        var stopping = process.StopAsync();
        await Eventually.Async(() => process.Stopping.IsCancellationRequested);
        work.SetResult("done");
        await stopping;

        Assert.Equal("done", Assert.Single(task.Journal).Value!.StringValue);
        Assert.NotNull(task.Last!.Released);
        Assert.False(task.Last.WantNext);
        Assert.Equal(0, mesh.RunsOf("mail.send"));
    }

    [Fact]
    public async Task As_many_tasks_run_at_once_as_there_is_room_for_and_no_more()
    {
        var mesh = new InMemoryMesh();
        var (running, most) = (0, 0);
        var full = new TaskCompletionSource();
        AgentTask[] tasks = [.. Enumerable.Range(0, 9).Select(_ => mesh.Submit(Value.ForNumber(0)))];
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, _, _) =>
            {
                var now = Interlocked.Increment(ref running);
                most = Math.Max(most, now);

                if (now == 3)
                {
                    full.TrySetResult();
                }

                await full.Task;
                Interlocked.Decrement(ref running);
                return now;
            },
            mesh,
            options => options.Concurrency = 3);

        await Eventually.Async(() => tasks.All(task => task.HasEnded));

        Assert.Equal(3, most);
        Assert.All(mesh.Asked<Agent.V1.PollWorkRequest>(), poll => Assert.InRange(poll.ItemsMax, 1, 3));
    }

    [Fact]
    public async Task A_poll_that_got_no_answer_is_repeated_with_the_claims_that_are_held()
    {
        var mesh = new InMemoryMesh();
        mesh.Before = request =>
        {
            if (request is Agent.V1.PollWorkRequest && mesh.Asked<Agent.V1.PollWorkRequest>().Count == 2)
            {
                throw Answers.Refusal(StatusCode.Unavailable, "SERVICE_UNAVAILABLE", "Try again.", TimeSpan.FromMilliseconds(10));
            }
        };
        await using var process = await AgentProcess.StartAsync<int, int>(
            async (_, _, stop) =>
            {
                await Task.Delay(Timeout.Infinite, stop);
                return 1;
            },
            mesh,
            options => options.Concurrency = 2);

        var task = mesh.Submit(Value.ForNumber(0));
        await Eventually.Async(() => mesh.Asked<Agent.V1.PollWorkRequest>().Count == 3);

        var polls = mesh.Asked<Agent.V1.PollWorkRequest>();
        Assert.Null(polls[0].Held);
        Assert.Null(polls[1].Held);
        Assert.Equal(task.Claim, Assert.Single(polls[2].Held.Claims));
    }

    [Fact]
    public async Task A_broken_connection_ends_the_process()
    {
        await using var process = await AgentProcess.StartAsync<int, int>((_, _, _) => Task.FromResult(1));
        await Eventually.Async(() => process.Mesh.Asked<Agent.V1.PollWorkRequest>().Count > 0);

        await process.BreakConnectionAsync();
        await Eventually.Async(() => process.Stopping.IsCancellationRequested);

        Assert.Equal(1, Environment.ExitCode);
        Environment.ExitCode = 0;
    }

    [Theory]
    [InlineData(0, "agent", "Concurrency is 0")]
    [InlineData(91, "agent", "Concurrency is 91")]
    [InlineData(1, "", "Name must have")]
    public async Task Options_out_of_range_stop_the_start_in_words(int concurrency, string name, string words)
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => AgentProcess.StartAsync<int, int>(
            (_, _, _) => Task.FromResult(1), null, options => (options.Concurrency, options.Name) = (concurrency, name)));

        Assert.Contains(words, e.Message);
    }
}
