using System.Diagnostics;
using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests;

public sealed class ClosedFolderTests(ClosedFolderMesh mesh) : IClassFixture<ClosedFolderMesh>
{
    [Fact]
    public async Task An_agent_works_below_a_folder_that_only_root_can_enter_and_nothing_of_it_survives_the_launcher()
    {
        var id = await mesh.StartTaskAsync(await mesh.OfferOrderAsync());
        Assert.Equal(TaskState.Completed, (await mesh.RestAsync(id)).State);

        if (Environment.UserName != "root")
        {
            return;
        }

        // Stands for a child that left the agent's session. The tool runner is made unable to clean up after its agents.
        var user = File.ReadLines($"/proc/{await mesh.AgentPidAsync()}/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1];
        using var child = Process.Start("setpriv", [$"--reuid={user}", $"--regid={user}", "--clear-groups", "sleep", "600"]);
        await Eventually.Async(() => File.ReadAllText($"/proc/{child.Id}/status").Contains($"Uid:\t{user}\t", StringComparison.Ordinal));
        DevMesh.Signal(mesh.PidOf("toolrunner"), 19);
        var clock = Stopwatch.StartNew();
        DevMesh.Signal(mesh.Node.Launcher.Id, 15);
        await mesh.Node.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.True(child.HasExited);
    }
}
