using Google.Protobuf;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace Mesh.Orchestrator.Tests.Intake;

public sealed class WorkEndpointTests(JournalFixture journal) : IClassFixture<JournalFixture>
{
    [Fact]
    public async Task Whoever_only_asks_for_a_step_is_told_what_another_replica_has_recorded()
    {
        var key = new TaskKey("acme", Guid.CreateVersion7());
        var (text, claim) = ClaimToken.New(key.Id);
        var submission = JournalFixture.Submission(key);
        var started = await journal.One.AppendAsync(
            submission with
            {
                Facts = [.. submission.Facts, new TaskClaimed("agent-1", 0)],
                Claim = new NewClaim(claim.Hash, "agent-1", TimeSpan.FromSeconds(30)),
            },
            TestContext.Current.CancellationToken);
        var task = Assert.IsType<JournalAnswer.Written>(started).Task;
        await journal.Two.AppendAsync(JournalFixture.Step(task, claim, "s#0", 0), TestContext.Current.CancellationToken);

        // Here the task is remembered as it was before. Only the journal has a part in this.
        var here = new WorkEndpoint(null!, null!, null!, null!, journal.One, null!, null!, TimeProvider.System);
        var answer = await here.RecordStep(
            new V1.RecordStepRequest
            {
                Agent = new V1.AgentIdentity { Tenant = "acme", Workflow = task.Workflow, WorkflowVersion = task.WorkflowVersion, Instance = "agent-1" },
                Claim = text,
                StepKey = "s#0",
            },
            new PlayedContext());

        Assert.True(answer.Recorded);
        Assert.Equal(ByteString.CopyFromUtf8("1"), answer.Value);
    }

    [Theory]
    [InlineData(-5, 0)]
    [InlineData(5, -1)]
    [InlineData(0, 1_000_000_000)]
    public async Task A_poll_of_a_time_that_is_none_is_refused_and_no_task_is_ever_handed_to_it(long seconds, int nanos)
    {
        await using var replica = new Replica(journal);
        var here = new WorkEndpoint(null!, null!, null!, null!, null!, null!, replica.Offers, TimeProvider.System);
        var request = new V1.PollWorkRequest
        {
            Agent = new V1.AgentIdentity { Tenant = "acme", Workflow = "w", WorkflowVersion = "sha256:00", Instance = "agent-1" },
            Wait = new Google.Protobuf.WellKnownTypes.Duration { Seconds = seconds, Nanos = nanos },
        };

        var refused = await Assert.ThrowsAsync<RefusalException>(() => here.PollWork(request, new PlayedContext()));

        Assert.Equal("wait", Assert.Single(refused.Error.Fields).Field);
        Assert.False(replica.Offers.IsWaitedFor(new WorkflowKey("acme", "w", "sha256:00")));
    }

    [Fact]
    public async Task A_poll_that_says_that_more_claims_are_held_than_can_be_is_refused_by_name()
    {
        await using var replica = new Replica(journal);
        var here = new WorkEndpoint(null!, null!, null!, replica.Claims, null!, null!, replica.Offers, TimeProvider.System);
        var request = new V1.PollWorkRequest
        {
            Agent = new V1.AgentIdentity { Tenant = "acme", Workflow = "w", WorkflowVersion = "sha256:00", Instance = "agent-1" },
            Held = new V1.HeldClaims { Claims = { Enumerable.Repeat("mcl_", 1_001) } },
        };

        var refused = await Assert.ThrowsAsync<RefusalException>(() => here.PollWork(request, new PlayedContext()));

        Assert.Equal("held.claims", Assert.Single(refused.Error.Fields).Field);
    }

    [Fact]
    public async Task What_does_not_fit_into_the_answer_of_a_poll_is_offered_to_the_next_one_at_once()
    {
        await using var replica = new Replica(journal);
        var finish = new FinishFlow(journal.One, new Catalog(journal.Store, TimeProvider.System), null!, replica.Offers, replica.Signals, TimeProvider.System);
        var here = new WorkEndpoint(null!, null!, finish, null!, null!, null!, replica.Offers, TimeProvider.System);
        var workflow = JournalFixture.Submission(new TaskKey("acme", Guid.CreateVersion7())).Creates!.WorkflowKey;
        var polling = here.PollWork(
            new V1.PollWorkRequest
            {
                Agent = new V1.AgentIdentity { Tenant = "acme", Workflow = workflow.Workflow, WorkflowVersion = workflow.Version, Instance = "agent-1" },
                ItemsMax = 100,
            },
            new PlayedContext());

        var polls = Enumerable.Range(0, 3).Select(_ => replica.Offers.TryReserve(workflow)!).ToList();
        var keys = new List<TaskKey>();

        foreach (var poll in polls)
        {
            var key = new TaskKey("acme", Guid.CreateVersion7());
            var (text, claim) = ClaimToken.New(key.Id);
            var submission = JournalFixture.Submission(key);
            await journal.One.AppendAsync(
                submission with
                {
                    Facts = [.. submission.Facts, new TaskClaimed("agent-1", 0)],
                    Claim = new NewClaim(claim.Hash, "agent-1", TimeSpan.FromSeconds(30)),
                },
                TestContext.Current.CancellationToken);
            keys.Add(key);
            poll.Deliver(new V1.WorkItem { TaskId = key.Id.ToString("D"), Claim = text, Input = ByteString.CopyFrom(new byte[400 * 1024]) });
        }

        Assert.Equal(keys.Take(2).Select(key => key.Id.ToString("D")), (await polling).Items.Select(item => item.TaskId));
        var rows = await Task.WhenAll(keys.Select(key => journal.Two.ReadTaskAsync(key, TestContext.Current.CancellationToken)));
        Assert.Equal([TaskState.Running, TaskState.Running, TaskState.Ready], rows.Select(row => row!.State));

        // Answered with room to spare, it is forgotten all the same.
        Assert.All(polls, poll => Assert.Null(poll.Place));
    }

    [Fact]
    public async Task An_agent_that_can_only_wait_for_its_call_keeps_the_task_for_as_long_as_the_call_takes()
    {
        var flow = new PlayedFlow(journal);
        var tool = PlayedFlow.Tool();
        var version = $"sha256:{new string('0', 64)}";
        await PlayedFlow.DeclareAsync(journal, tool, version);
        var key = new TaskKey("acme", Guid.CreateVersion7());
        var (text, claim) = ClaimToken.New(key.Id);
        var submission = JournalFixture.Submission(key);
        await journal.One.AppendAsync(
            submission with
            {
                Creates = submission.Creates! with { WorkflowVersion = version },
                Facts = [.. submission.Facts, new TaskClaimed("agent-1", 0)],
                Claim = new NewClaim(claim.Hash, "agent-1", TimeSpan.FromSeconds(30)),
            },
            TestContext.Current.CancellationToken);
        await using var replica = new Replica(journal);
        var target = new TaskCompletionSource<object>();
        flow.Peers.On<Toolrunner.V1.RunCallRequest>(_ => target.Task);
        await journal.ExecuteAsync($"update orchestrator.task set claim_until = now() where id = '{key.Id:D}'");

        // Its pauses are over at once: an hour of the call goes by.
        var here = new WorkEndpoint(
            flow.Calls, new CallsUnderWay(Lives.New()), null!, replica.Claims, journal.One, new Catalog(journal.Store, TimeProvider.System), null!, new PlayedClock());
        var calling = here.CallTool(
            new V1.CallToolRequest
            {
                Agent = new V1.AgentIdentity { Tenant = "acme", Workflow = submission.Creates!.Workflow, WorkflowVersion = version, Instance = "agent-1" },
                Claim = text,
                StepKey = "tool#0",
                Tool = tool.Name,
                Arguments = ByteString.CopyFromUtf8("{}"),
            },
            new PlayedContext());
        await Eventually.Async(async () => (await journal.Two.ReadTaskAsync(key, TestContext.Current.CancellationToken))!.ClaimUntil > DateTimeOffset.UtcNow.AddSeconds(20));
        target.SetResult(new Toolrunner.V1.RunCallResponse { Report = PlayedPeers.Succeeded("1") });

        Assert.Equal(V1.CallToolResponse.Types.Outcome.Result, (await calling).Outcome);
    }
}
