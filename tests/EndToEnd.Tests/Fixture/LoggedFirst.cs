using System.Text.Json;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests.Fixture;

/// <summary>G3, from what the shop saw and what the log has.</summary>
public static class LoggedFirst
{
    /// <summary>The task completes; its refund and its mail happened once, each after its intent.</summary>
    public static async Task AssertDoneOnceAsync(this RefundMesh mesh, string id, string order)
    {
        var task = await mesh.RestAsync(id);

        Assert.True(task.State == TaskState.Completed, await mesh.StoryAsync(id));
        var log = await mesh.LogOfAsync(order);
        Assert.Single(log.Refunds);
        Assert.Single(log.Mails);
        await mesh.AssertEachWriteWasLoggedFirstAsync(id, log);
    }

    /// <summary>
    /// Each of a task's two writes had its intent in the audit log before. The key that the shop was given is the action's digest; the
    /// n-th writing of an action needs n intents before it, one for each dispatch.
    /// </summary>
    public static async Task AssertEachWriteWasLoggedFirstAsync(this RefundMesh mesh, string id, ShopLog log)
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
