using System.Collections.Concurrent;
using System.Diagnostics;
using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests.Crashes;

/// <summary>G1: an accepted task is never lost, and none is doubled.</summary>
public sealed class StormTests(RefundMesh mesh) : IClassFixture<RefundMesh>
{
    private const int Webhooks = 50;

    private static readonly string[] Victims = ["ingress", "policy", "orchestrator", "vault", "audit", "toolrunner", "postgres"];
    private static readonly TimeSpan Storm = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(20_261_123)]
    public async Task Fifty_webhooks_amid_processes_that_are_killed_at_random_become_fifty_refunds(int seed)
    {
        var dice = new Random(seed);
        var killed = new List<string>();
        var deliveries = new ConcurrentDictionary<string, Task<string>>();
        var clock = Stopwatch.StartNew();

        while (clock.Elapsed < Storm || deliveries.Count < Webhooks)
        {
            for (var i = 0; i < 5 && deliveries.Count < Webhooks; i++)
            {
                var order = await mesh.OfferOrderAsync();
                deliveries[order] = mesh.Webhooks.DeliverAsync(RefundMesh.Acme, order);
            }

            var victim = Victims[dice.Next(Victims.Length)];
            killed.Add(victim);
            await mesh.KillAndSeeReplacedAsync(victim);
        }

        var story = $"Seed {seed}, killed: {string.Join(", ", killed)}.";
        var ids = new HashSet<string>();

        foreach (var (order, delivery) in deliveries)
        {
            var id = await delivery;
            var task = await mesh.RestAsync(id);
            var log = await mesh.LogOfAsync(order);

            Assert.True(ids.Add(id), story);
            Assert.True(task.State == TaskState.Completed, $"{story} {await mesh.StoryAsync(id)}");
            Assert.True(log is { Refunds.Count: 1, Mails.Count: 1 }, $"{story} {log.Refunds.Count} refunds, {log.Mails.Count} mails: {await mesh.StoryAsync(id)}");
        }

        var all = await MeshApi.InsistAsync(deadline => mesh.Api.Tasks.ListTasksAsync(
            new ListTasksRequest { Tenant = RefundMesh.Acme, PageSize = 1_000 }, deadline: deadline));
        Assert.Equal(Webhooks, all.Tasks.Count);
        await mesh.AssertVerifiesAsync();
    }
}
