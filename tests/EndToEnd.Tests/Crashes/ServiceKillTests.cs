using System.Text.Json;
using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests.Crashes;

/// <summary>G1 and G3: whichever process is killed, and whenever, an accepted task ends, and what it does happens once.</summary>
public sealed class ServiceKillTests(RefundMesh mesh) : IClassFixture<RefundMesh>
{
    private static readonly string[] Victims = ["ingress", "policy", "orchestrator", "vault", "audit", "toolrunner", "postgres"];

    public static IEnumerable<TheoryDataRow<string, StepMoment>> Everywhere =>
        from moment in Enum.GetValues<StepMoment>()
        where moment != StepMoment.MailCalled
        from victim in Victims
        select new TheoryDataRow<string, StepMoment>(victim, moment);

    [Theory]
    [MemberData(nameof(Everywhere))]
    public async Task A_process_that_is_killed_on_the_way_costs_time_and_nothing_else(string victim, StepMoment moment)
    {
        await mesh.AllReadyAsync();
        var order = await mesh.OfferOrderAsync();

        var id = await mesh.ActAtAsync(moment, order, () => mesh.KillAndSeeReplacedAsync(victim));
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        var log = await mesh.LogOfAsync(order);
        Assert.Single(log.Refunds);
        Assert.Single(log.Mails);
        await AssertEachWriteWasLoggedFirstAsync(id, log);
    }

    // The key that the shop was given is the action's digest. The n-th writing of an action needs n intents before it, one for each dispatch.
    private async Task AssertEachWriteWasLoggedFirstAsync(string id, ShopLog log)
    {
        var intents = (await mesh.LoggedAsync(id)).Where(entry => entry.Kind == "intent").ToLookup(
            entry => JsonSerializer.Deserialize<JsonElement>(entry.Leaf.Span).GetProperty("action_digest").GetString(), entry => entry.Time.ToDateTimeOffset());
        var writes = log.Requests.Where(request => request.GetProperty("method").GetString() == "POST").GroupBy(request => request.GetProperty("idempotency_key").GetString()).ToList();

        Assert.Equal(2, writes.Count);
        foreach (var write in writes)
        {
            var logged = intents[write.Key].Order().ToList();
            var sent = write.Select(request => request.GetProperty("at").GetDateTimeOffset()).Order().ToList();
            Assert.True(
                sent.Index().All(each => each.Index < logged.Count && logged[each.Index] <= each.Item),
                $"Sent at {string.Join(", ", sent)}, logged at {string.Join(", ", logged)}: {await mesh.StoryAsync(id)}");
        }
    }
}
