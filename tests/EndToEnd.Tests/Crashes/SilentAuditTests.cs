using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Crashes;

/// <summary>G3: no external write without an earlier durable audit entry. If the log fails, the write fails.</summary>
public sealed class SilentAuditTests(RefundMesh mesh) : IClassFixture<RefundMesh>
{
    private const int Stop = 19;
    private const int Continue = 18;

    [Fact]
    public async Task While_the_log_is_silent_the_shop_sees_nothing_and_afterwards_the_task_completes()
    {
        var order = await mesh.OfferOrderAsync();
        var audit = mesh.PidOf("audit");

        DevMesh.Signal(audit, Stop);
        var id = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
        await Eventually.Async(async () => (await Refusals(id)).Count > 2, TimeSpan.FromSeconds(60));

        Assert.All(await Refusals(id), reason => Assert.Equal("AUDIT_UNAVAILABLE", reason));
        Assert.Empty((await mesh.LogOfAsync(order)).Requests);
        Assert.Equal(TaskState.Running, (await mesh.TaskAsync(id)).State);

        DevMesh.Signal(audit, Continue);
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
    }

    private async Task<IReadOnlyList<string>> Refusals(string id) =>
        [.. (await mesh.EventsAsync(id)).Where(entry => entry.Kind == "CallNotSent").Select(entry => entry.Fields.Fields["reason"].StringValue)];
}
