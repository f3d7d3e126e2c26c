using EndToEnd.Tests.Fixture;
using Mesh.TestKit;

namespace EndToEnd.Tests.Custody;

/// <summary>The audit log is silent, and an agent asks for a write.</summary>
[Collection(nameof(Together))]
public sealed class AuditSilenceTests(AttackedMesh mesh)
{
    [Fact]
    public async Task Without_the_audit_log_the_write_is_refused_and_the_shop_sees_nothing_until_it_is_back()
    {
        var order = await mesh.OfferOrderAsync();
        await mesh.PlayAsync(RefundMesh.Acme);
        var refusals = await mesh.RefusalsAsync("AUDIT_UNAVAILABLE");
        var refund = new { order, amount_minor = 100, currency = "EUR" };
        var seen = (await mesh.WholeLogAsync()).Requests.Count;
        string task;

        using (mesh.Silence("audit"))
        {
            task = await AttackedMesh.BeginAsync(mesh.Olga, RefundMesh.Acme, ScriptedCall.Tool("payments.refund", refund, 0), ScriptedCall.Tool("payments.refund", refund, 0, tries: 60));
            await Eventually.Async(async () => await mesh.RefusalsAsync("AUDIT_UNAVAILABLE") > refusals);

            Assert.Equal(seen, (await mesh.WholeLogAsync()).Requests.Count);
        }

        var played = await mesh.EndAsync(RefundMesh.Acme, task);
        played.Answers[0].Refused(503, "AUDIT_UNAVAILABLE");
        Assert.Equal(200, played.Answers[1].Status);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
    }

    [Fact]
    public async Task A_call_that_was_never_sent_and_a_task_that_gave_it_up_hold_nothing_of_a_limit()
    {
        // An amount of its own, by which the reservation is found.
        const int Amount = 137;
        var order = await mesh.OfferOrderAsync(Amount);
        await mesh.PlayAsync(RefundMesh.Acme);
        var refund = new { order, amount_minor = Amount, currency = "EUR" };
        Played played;

        using (mesh.Silence("audit"))
        {
            played = await mesh.PlayAsync(RefundMesh.Acme, ScriptedCall.Tool("payments.refund", refund, 0));
        }

        played.Answers[0].Refused(503, "AUDIT_UNAVAILABLE");
        await Eventually.Async(async () => await ReservationsAsync("released") == 1);
        Assert.Equal(0, await ReservationsAsync("reserved"));
        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);

        Task<long> ReservationsAsync(string state) => mesh.CountAsync(
            "select count(*) from policy.reservation where tenant_id = 'acme' and amount = $1 and state = $2", (long)Amount, state);
    }
}
