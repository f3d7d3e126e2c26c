using Google.Protobuf;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;
using Mesh.Orchestrator.Tests.Played;

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
}
