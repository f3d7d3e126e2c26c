using EndToEnd.Tests.Fixture;
using Mesh.TestKit;

namespace EndToEnd.Tests.Decisions;

/// <summary>Policy is silent, empty, or cannot evaluate its own rules.</summary>
[Collection(nameof(Together))]
public sealed class PolicySilenceTests(AttackedMesh mesh)
{
    [Fact]
    public async Task Without_policy_nothing_happens_and_nothing_is_recorded()
    {
        var order = await mesh.OfferOrderAsync();
        var refund = new { order, amount_minor = 100, currency = "EUR" };
        var refusals = await mesh.RefusalsAsync("POLICY_UNAVAILABLE");

        // A slow read first, so that policy falls silent between two calls of a running task.
        await mesh.Shop.TellAsync("/_slow", new { path = $"/v1/orders/{order}", afterMs = 2_000 });
        var task = await AttackedMesh.BeginAsync(
            mesh.Olga,
            RefundMesh.Acme,
            ScriptedCall.Tool("crm.get_order", new { order }, 0),
            ScriptedCall.Tool("payments.refund", refund, 1),
            ScriptedCall.Tool("payments.refund", refund, 1, tries: 60));
        await Eventually.Async(async () => (await mesh.LogOfAsync(order)).Holding("GET", "/v1/orders") == 1);

        using (mesh.Silence("policy"))
        {
            await Eventually.Async(async () => await mesh.RefusalsAsync("POLICY_UNAVAILABLE") > refusals, TimeSpan.FromSeconds(30));

            Assert.Empty((await mesh.LogOfAsync(order)).Refunds);
            Assert.Equal(0, await mesh.CountAsync(
                "select count(*) from orchestrator.journal where task_id = $1 and step = 'payments.refund#0'", Guid.Parse(task)));
        }

        var played = await mesh.EndAsync(RefundMesh.Acme, task);
        played.Answers[1].Refused(503, "POLICY_UNAVAILABLE");
        Assert.Equal(200, played.Answers[2].Status);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
    }

    [Fact]
    public async Task Without_policy_no_task_is_started_and_nobody_is_let_in()
    {
        var before = await mesh.CountAsync("select count(*) from orchestrator.task");

        using (mesh.Silence("policy"))
        {
            var answer = await mesh.Open(mesh.Olga.Token).PostAsync("/v1/tenants/acme/tasks", new { workflow = "probe", input = new { } });

            Assert.Equal(503, answer.Status);
            Assert.Equal(before, await mesh.CountAsync("select count(*) from orchestrator.task"));
        }
    }

    [Fact]
    public async Task A_tenant_without_a_policy_is_denied_everything()
    {
        var played = await mesh.PlayAsync(AttackedMesh.Bare, ScriptedCall.Tool("plain.call", new { }, 0));

        var denied = played.Answers[0].Good().GetProperty("denied");
        Assert.Equal("POLICY_DENIED", denied.GetProperty("reason").GetString());
        Assert.Equal("default", denied.GetProperty("rule").GetString());
    }

    [Fact]
    public async Task A_forbid_rule_that_cannot_be_evaluated_forbids()
    {
        var played = await mesh.PlayAsync(
            RefundMesh.Acme,
            ScriptedCall.Tool("desk.grade", new { score = 3 }, 0),
            ScriptedCall.Tool("desk.grade", new { }, 1, "desk.grade#1"),
            ScriptedCall.Tool("desk.grade", new { score = 9 }, 2, "desk.grade#2"));

        Assert.True(played.Answers[0].Good().TryGetProperty("result", out _), played.Answers[0].Text);
        Assert.Equal("no-high-grades", played.Answers[1].Good().GetProperty("denied").GetProperty("rule").GetString());
        Assert.Equal("no-high-grades", played.Answers[2].Good().GetProperty("denied").GetProperty("rule").GetString());
    }
}
