using Mesh.Errors.V1;
using Mesh.Vault.Leases;
using static Mesh.Vault.Tests.Notary;

namespace Mesh.Vault.Tests.Leases;

public sealed class FenceTests
{
    [Fact]
    public async Task A_fenced_dispatch_is_answered_as_not_redeemed_and_then_never_is()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        var fenced = await FenceAsync(vault, terms);

        Assert.Empty(fenced.Redemptions);
        Assert.False(fenced.Lost);
        Assert.Equal(Reason.Fenced, Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(lease, terms)).Reason);
        var later = await vault.IssueAsync(terms);
        Assert.Equal(Reason.Fenced, Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(later, terms)).Reason);
        var next = terms with { Dispatch = 2 };
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(next), next));
    }

    [Fact]
    public async Task A_fence_says_which_process_redeemed_and_says_the_same_when_asked_again()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(terms), terms));

        var first = await FenceAsync(vault, terms);
        var second = await FenceAsync(vault, terms);

        var redemption = Assert.Single(first.Redemptions);
        Assert.Equal(("runner-1", "127.0.0.1:7315"), (redemption.RunnerInstance, redemption.RunnerAddress));
        Assert.Equal(redemption, Assert.Single(second.Redemptions));
        Assert.False(first.Lost);
        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from outbox where key like 'fence/%'"));
    }

    [Fact]
    public async Task A_fence_is_forgotten_when_what_it_stops_is_refused_by_itself_and_not_before()
    {
        await using var vault = await TestVault.StartAsync();
        var (old, young) = (NewTerms(), NewTerms());
        await FenceAsync(vault, old);
        await vault.ExecuteAsync("update fence set fenced_at = fenced_at - interval '6 hours'");
        await FenceAsync(vault, young);

        Assert.Equal(1, await vault.Fences.SweepAsync(default));

        // Its receipt is from before the fence.
        var receipt = vault.Notary.Attest(old, r => r with { Time = DateTimeOffset.UtcNow.AddHours(-6) });
        Assert.Equal(Reason.ReceiptTooOld, Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(await vault.IssueAsync(old), old, receipt: receipt)).Reason);
        Assert.Equal(Reason.Fenced, Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(await vault.IssueAsync(young), young)).Reason);
    }

    [Fact]
    public async Task Leases_are_forgotten_with_their_retention_however_many_there_are()
    {
        await using var vault = await TestVault.StartAsync();
        await vault.IssueAsync(NewTerms());
        await vault.ExecuteAsync(
            """
            insert into lease (token_mac, lease_id, tenant_id, workflow, task_id, action_digest, dispatch, epoch, redeemer, issued_at, expires_at)
            select decode(md5(n::text), 'hex'), gen_random_uuid(), 'acme', 'w', gen_random_uuid(), '\x00', 1, 1, 'r',
              clock_timestamp() - interval '7 hours', clock_timestamp() - interval '7 hours' from generate_series(1, 12000) n
            """);

        Assert.Equal(12_000, await vault.Leases.SweepAsync(default));
        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from lease"));
    }

    [Fact]
    public async Task A_tasks_fence_kills_lower_epochs_and_never_goes_down()
    {
        await using var vault = await TestVault.StartAsync();
        var old = NewTerms(epoch: 4);
        var current = NewTerms(task: old.Task, epoch: 5);
        var other = NewTerms(epoch: 1);
        var leases = (Old: await vault.IssueAsync(old), Current: await vault.IssueAsync(current), Other: await vault.IssueAsync(other));

        await vault.FenceAsync(new FenceScope.OfTask(TestVault.Tenant, old.Task, 5));
        await vault.FenceAsync(new FenceScope.OfTask(TestVault.Tenant, old.Task, 2));

        Assert.Equal(Reason.Fenced, Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(leases.Old, old)).Reason);
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(leases.Current, current));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(leases.Other, other));
    }

    [Fact]
    public async Task A_fence_of_one_tenant_does_not_touch_a_task_of_the_same_id_in_another()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        await vault.FenceAsync(new FenceScope.OfTask("globex", terms.Task, 99));

        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Raced_thousands_of_times_a_fence_and_a_redemption_never_both_win(bool byDispatch)
    {
        const int Rounds = 2_500;
        await using var vault = await TestVault.StartAsync();
        var (redeemed, fenced) = (0, 0);

        await Parallel.ForEachAsync(Enumerable.Range(0, Rounds), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (round, _) =>
        {
            var terms = NewTerms();
            var lease = await vault.IssueAsync(terms);
            var (decision, receipt) = (vault.Notary.Decide(terms), vault.Notary.Attest(terms));
            using var start = new ManualResetEventSlim();
            var redeeming = Task.Run(async () =>
            {
                start.Wait(CancellationToken.None);
                return await vault.RedeemAsync(lease, terms, decision, receipt);
            }, CancellationToken.None);
            var fencing = Task.Run(async () =>
            {
                start.Wait(CancellationToken.None);

                // Either may need longer to get going; both orders have to come up.
                Thread.SpinWait(round % 50 * 200);
                return byDispatch
                    ? await FenceAsync(vault, terms)
                    : await vault.FenceAsync(new FenceScope.OfTask(terms.Tenant, terms.Task, terms.Epoch + 1));
            }, CancellationToken.None);
            start.Set();
            var won = await redeeming is RedeemOutcome.Redeemed;
            var seen = (await fencing).Redemptions.Count > 0;

            // The one thing that must never be: "it was not redeemed", and then it was. Nor the other way round.
            Assert.Equal(won, seen);
            Interlocked.Increment(ref won ? ref redeemed : ref fenced);
        });

        Assert.Equal(Rounds, redeemed + fenced);
        Assert.True(redeemed > 0 && fenced > 0, $"Not a race: {redeemed} redeemed, {fenced} fenced.");
    }

    private static Task<Fenced> FenceAsync(TestVault vault, LeaseTerms terms) =>
        vault.FenceAsync(new FenceScope.OfDispatch(terms.Tenant, terms.Task, terms.Action, terms.Dispatch));
}
