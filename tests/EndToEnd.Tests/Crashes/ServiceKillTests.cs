using EndToEnd.Tests.Fixture;

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

        await mesh.AssertDoneOnceAsync(id, order);
        await mesh.AssertVerifiesAsync();
    }
}
