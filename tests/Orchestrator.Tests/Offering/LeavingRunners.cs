using System.Text;
using Mesh.Integrity;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Tests.Journal;

namespace Mesh.Orchestrator.Tests.Offering;

/// <summary>Tool runners that stop, and those that run their agents next.</summary>
public sealed class LeavingRunners(JournalFixture journal) : IClassFixture<JournalFixture>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_runner_was_assigned_another_one_gets_as_soon_as_it_leaves()
    {
        await using var replica = new Replica(journal);
        await journal.DeclareAsync("refund-request", Encoding.UTF8.GetString(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(
            $$$"""{"tools":[],"agent":{"process":{"command":["x"],"bundle":"sha256:{{{new string('0', 64)}}}"}},"input":{"type":"object"} }"""))));
        var (task, _) = await journal.RunningAsync();
        var stopping = Ask("one");
        Assert.Single((await replica.Assignments.WaitAsync(stopping, Stop)).Assignments);
        var etag = (await replica.Assignments.WaitAsync(Ask("two"), Stop)).Etag;
        var waiting = replica.Assignments.WaitAsync(Ask("two", etag), Stop);

        Assert.Empty((await replica.Assignments.WaitAsync(Ask("one", isLeaving: true), Stop)).Assignments);

        Assert.Equal("refund-request", Assert.Single((await waiting).Assignments).Workflow);
        Assert.Equal(1, await journal.CountAsync("select count(*) from orchestrator.assignment where runner_instance = 'two'"));
        Assert.Equal(TaskState.Ready, (await journal.One.ReadTaskAsync(task.Key, Stop))!.State);
    }

    private static V1.AssignAgentsRequest Ask(string runner, string etag = "", bool isLeaving = false) =>
        new() { RunnerInstance = runner, RunnerAddress = $"{runner}:7300", Capacity = 8, Etag = etag, Leaving = isLeaving };
}
