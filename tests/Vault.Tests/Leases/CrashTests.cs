using Mesh.Errors.V1;
using Mesh.Postgres;
using Mesh.TestKit;
using Mesh.Vault.Leases;
using Mesh.Vault.Store;
using static Mesh.Vault.Tests.Notary;

namespace Mesh.Vault.Tests.Leases;

public sealed class CrashTests
{
    [Fact]
    public async Task After_a_crash_of_the_store_nothing_can_be_replayed_and_what_is_lost_counts_as_redeemed()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var postgres = await TestPostgres.StartOwnAsync(stop);
        await Roles.EnsureAsync(postgres.SuperuserConnection(), "vault", "test", stop);
        await Migrator.MigrateAsync<VaultDbContext>(postgres.SuperuserConnection(), stop);
        await using var vault = await TestVault.StartAsync(postgres.ConnectionFor(Roles.LoginOf("vault"), "test"));
        var (used, unused, fencedBefore) = (NewTerms(), NewTerms(), NewTerms());
        var (lease, outstanding, dead) = (await vault.IssueAsync(used), await vault.IssueAsync(unused), await vault.IssueAsync(fencedBefore));
        var (decision, receipt) = (vault.Notary.Decide(used), vault.Notary.Attest(used));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, used, decision, receipt));
        await vault.FenceAsync(ScopeOf(fencedBefore));
        var dispatchedAt = DateTimeOffset.UtcNow;

        await postgres.KillAsync();
        await postgres.StartAgainAsync(stop);
        vault.Source.Clear();

        // The leases are gone, used or not.
        AssertRefused(Reason.LeaseNotFound, await vault.RedeemAsync(lease, used, decision, receipt));
        AssertRefused(Reason.LeaseNotFound, await vault.RedeemAsync(outstanding, unused));

        // A new lease does not bring the used receipt back: it is older than what the store can remember now.
        AssertRefused(Reason.ReceiptTooOld, await vault.RedeemAsync(await vault.IssueAsync(used), used, decision, receipt));

        // What was redeemed cannot be told any more, and is told so.
        var fenced = await vault.FenceAsync(ScopeOf(used), dispatchedAt);
        Assert.True(fenced.Lost);
        Assert.Empty(fenced.Redemptions);

        // Fences are as durable as anything.
        AssertRefused(Reason.Fenced, await vault.RedeemAsync(await vault.IssueAsync(fencedBefore), fencedBefore, receipt: Late(vault, fencedBefore)));
        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from fence where dispatch = 1 and action_digest = decode('" + fencedBefore.Action + "', 'hex')"));

        // Life goes on, with receipts from after the margin.
        var next = NewTerms();
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(next), next, receipt: Late(vault, next)));
        Assert.False((await vault.FenceAsync(ScopeOf(next), DateTimeOffset.UtcNow.AddSeconds(10))).Lost);
    }

    // As of a log whose clock goes ahead; it saves the test the wait.
    private static byte[] Late(TestVault vault, LeaseTerms terms) => vault.Notary.Attest(terms, receipt => receipt with { Time = DateTimeOffset.UtcNow.AddSeconds(10) });

    private static FenceScope.OfDispatch ScopeOf(LeaseTerms terms) => new(terms.Tenant, terms.Task, terms.Action, terms.Dispatch);

    private static void AssertRefused(Reason expected, RedeemOutcome outcome) =>
        Assert.Equal(expected, Assert.IsType<RedeemOutcome.Refused>(outcome).Reason);
}
