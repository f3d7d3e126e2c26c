using System.Globalization;
using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>Three tool runners and two orchestrators, and each service in turn killed while tasks run.</summary>
public sealed class KilledServiceTests
{
    private const int TasksPerKill = 3;

    [Fact]
    [Trait("Category", "Nightly")]
    public async Task Whatever_is_killed_in_turn_every_accepted_webhook_is_refunded_once_and_the_log_verifies()
    {
        await Engine.RequireAsync();
        await using var mesh = await ContainerMesh.StartAsync();
        await mesh.UpAsync("--scale", "toolrunner=3", "--scale", "orchestrator=2");
        await mesh.HealthyAsync("toolrunner");
        await mesh.HealthyAsync("orchestrator");
        Assert.Equal((3, 2), ((await mesh.ContainersAsync("toolrunner")).Length, (await mesh.ContainersAsync("orchestrator")).Length));
        List<string> tasks = [];

        foreach (var service in (string[])["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner", "postgres", "rabbitmq"])
        {
            var sending = Enumerable.Range(0, TasksPerKill).Select(_ => mesh.AcceptedAsync("1001")).ToList();
            await Task.WhenAny(sending);
            await KillAsync(mesh, (await mesh.ContainersAsync(service))[0]);
            tasks.AddRange(await Task.WhenAll(sending));
        }

        Assert.All(await Task.WhenAll(tasks.Where(task => task.Length > 0).Select(mesh.EndOfAsync)), state => Assert.Equal("TASK_STATE_COMPLETED", state));

        // Of those that waited on the broker nobody has told us the task.
        await Eventually.Async(async () => (await mesh.BookAsync("mail")).Length >= tasks.Count, TimeSpan.FromMinutes(2));
        var refunds = await mesh.BookAsync("refund");
        Assert.Equal(tasks.Count, refunds.Distinct().Count());
        Assert.Equal(tasks.Count, refunds.Length);
        Assert.Equal(tasks.Count, (await mesh.BookAsync("mail")).Length);
        Assert.Contains("\nverified\n", await mesh.VerifiedAsync(), StringComparison.Ordinal);
    }

    // As a crash would: an engine that is told to kill a container would not start it again.
    private static async Task KillAsync(ContainerMesh mesh, string container)
    {
        var restarts = int.Parse(await ContainerEngine.InspectAsync(container, "{{.RestartCount}}"), CultureInfo.InvariantCulture);
        var isOurs = (await ContainerEngine.InspectAsync(container, "{{.HostConfig.Init}}")) == "true";

        if (isOurs)
        {
            // Everything but the first process, which ends with what it started.
            await ContainerEngine.TryAsync(["docker", "exec", container, "sh", "-c", "kill -9 -1"]);
            await Eventually.Async(
                async () => int.Parse(await ContainerEngine.InspectAsync(container, "{{.RestartCount}}"), CultureInfo.InvariantCulture) > restarts,
                TimeSpan.FromMinutes(2),
                "the engine starts it again");
        }
        else
        {
            await ContainerEngine.RunAsync(["docker", "kill", container]);
            await ContainerEngine.RunAsync(["docker", "start", container]);
        }
    }
}
