using System.Diagnostics;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;
using Mesh.Toolrunner.Tests.Calls;

namespace Mesh.Toolrunner.Tests.Agents;

/// <summary>A tool runner that is told to stop, with an agent that waits for work and a call under way.</summary>
public sealed class StopTests : IAsyncLifetime
{
    // What it is allowed by default.
    private static readonly TimeSpan DrainOfOthers = TimeSpan.FromSeconds(3);

    private readonly RunnerProcess runner = new() { Drain = "60s" };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => runner.InitializeAsync();

    public ValueTask DisposeAsync() => runner.DisposeAsync();

    [Fact]
    public async Task Its_agents_end_and_it_takes_its_leave_at_once_and_the_call_is_finished()
    {
        await using var target = await Target.StartAsync();
        var bundle = TestBundle.OfTheProbingAgent();
        runner.Work.Bundle(TestBundle.DigestOf(bundle), bundle);
        runner.Work.Assign(new AgentAssignment
        {
            Tenant = "acme",
            Workflow = "refunds",
            WorkflowVersion = "sha256:" + new string('b', 64),
            Bundle = TestBundle.DigestOf(bundle),
            Command = { "dotnet", "Toolrunner.Tests.dll", "agent" },
        });
        await Eventually.Async(() => !runner.Work.Polls.IsEmpty, TimeSpan.FromSeconds(60));
        var call = runner.Client.RunCallAsync((Tool.At(target) with { Path = "/held", Timeout = "60s" }).Call(runner.Vault, "{}"), cancellationToken: Stop).ResponseAsync;
        await Eventually.Async(() => !target.Requests.IsEmpty, TimeSpan.FromSeconds(60));
        var instance = runner.Work.Polls.First().Instance;

        var told = Stopwatch.StartNew();
        runner.Stop();

        await Eventually.Async(() => !runner.Work.Leaves.IsEmpty, TimeSpan.FromSeconds(60));
        Assert.Equal(instance, Assert.Single(runner.Work.Ends).Agent.Instance);
        Assert.NotEmpty(Assert.Single(runner.Work.Leaves).RunnerInstance);

        // Longer than what is cut off elsewhere.
        await Eventually.Async(() => told.Elapsed > DrainOfOthers + TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        Assert.False(call.IsCompleted);
        target.Release();

        Assert.Equal(V1.CallReport.Types.Outcome.Succeeded, (await call).Report.Outcome);
        Assert.Equal(0, await runner.ExitCodeAsync(Stop));
        Assert.True(told.Elapsed < TimeSpan.FromSeconds(50), "It waited for nothing.");
    }
}
