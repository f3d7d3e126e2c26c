using System.Security.Cryptography;
using Mesh.Audit.Schema;
using Mesh.Audit.Sequencing;
using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.TestKit;

namespace Audit.Tests.Sequencing;

public sealed class CrashTests
{
    private const string Password = "only-in-this-cluster";

    [Fact]
    public async Task A_server_that_is_killed_again_and_again_loses_no_receipted_entry_and_leaves_no_gap()
    {
        await using var postgres = await TestPostgres.StartOwnAsync(Stop);
        await using var replica = await OpenAsync(postgres);
        var tenant = Some.Tenant();
        var receipts = new System.Collections.Concurrent.ConcurrentBag<ReceiptTicket>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var appending = Task.WhenAll(Enumerable.Range(0, 16).Select(_ => AppendUntilAsync(replica, tenant, receipts, enough.Token)));

        for (var kill = 1; kill <= 3; kill++)
        {
            var before = receipts.Count;
            await Eventually.Async(() => receipts.Count > before + 50);
            await postgres.KillAsync();
            await postgres.StartAgainAsync(Stop);
        }

        await enough.CancelAsync();
        await appending;

        await using var second = await OpenAsync(postgres, replica);
        var size = await second.ScalarAsync<long>($"select size from log_head where tenant_id = '{tenant}'");
        var dense = await second.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{tenant}' and index < {size}");
        Assert.Equal(size, dense);
        Assert.All(receipts, receipt => Assert.InRange(receipt.Index, 0, size - 1));

        foreach (var receipt in receipts)
        {
            var entry = (await second.Proofs.ListAsync(tenant, receipt.Index, 1, null, Stop)).Single();
            Assert.Equal(receipt.LeafHash, MerkleTree.LeafHash(entry.Text));
        }

        Assert.Equal(size, (await second.SignAsync(tenant)).Size);
    }

    [Fact]
    public async Task An_intent_that_was_committed_by_a_session_that_died_before_it_said_so_is_receipted_and_once_in_the_log()
    {
        await using var postgres = await TestPostgres.StartOwnAsync(Stop);
        await using var replica = await OpenAsync(postgres);
        var intent = Some.Intent(Some.Tenant());
        await replica.AppendAsync(Some.Intent(intent.Tenant));
        await replica.Grown.TakeAsync(Stop);
        await postgres.WithholdConfirmationsAsync();

        var appending = replica.Sequencer.AppendAsync(SubmissionOf(intent), TimeSpan.FromMinutes(1), Stop);
        var committed = Assert.Single(await postgres.UnconfirmedAsync());
        await replica.ScalarAsync<bool>($"select pg_terminate_backend({committed})");

        // The repeat finds the entry, and its own commit is not confirmed either: what it found must be as durable as what it would write.
        await Eventually.Async(async () => (await postgres.UnconfirmedAsync()).All(pid => pid != committed));
        Assert.False(appending.IsCompleted);
        await postgres.ConfirmAsync();

        var placed = Assert.IsType<Placement.Placed>(await appending);
        var repeated = await replica.AppendAsync(intent);
        Assert.Equal((1L, placed.First!.LeafHash), (repeated.Index, repeated.LeafHash));
        Assert.Equal(1L, placed.First.Index);
        Assert.Equal(2L, await replica.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{intent.Tenant}'"));
        Assert.Equal(2, (await replica.Grown.TakeAsync(Stop))[intent.Tenant].Size);
    }

    [Fact]
    public async Task An_intent_that_was_being_committed_when_the_server_was_killed_is_once_in_the_log_whatever_the_caller_heard()
    {
        await using var postgres = await TestPostgres.StartOwnAsync(Stop);
        await using var replica = await OpenAsync(postgres);
        var intent = Some.Intent(Some.Tenant());
        await replica.AppendAsync(Some.Intent(intent.Tenant));
        await postgres.WithholdConfirmationsAsync();

        var appending = replica.Flow.AppendIntentAsync(intent, Stop);
        await postgres.UnconfirmedAsync();
        await postgres.KillAsync();
        await postgres.StartAgainAsync(Stop);
        await postgres.ConfirmAsync();

        var heard = await appending;
        var repeated = await Eventually.ValueAsync(async () => await replica.Flow.AppendIntentAsync(intent, Stop) as IntentResult.Durable);
        Assert.True(heard is IntentResult.Unavailable || (heard is IntentResult.Durable durable && durable.Receipt.Index == repeated.Receipt.Index));
        Assert.Equal(1, repeated.Receipt.Index);
        Assert.Equal(2L, await replica.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{intent.Tenant}'"));
    }

    [Fact]
    public async Task While_the_server_is_gone_an_intent_is_refused_within_its_deadline()
    {
        await using var postgres = await TestPostgres.StartOwnAsync(Stop);
        await using var replica = await OpenAsync(postgres);
        var intent = Some.Intent(Some.Tenant());
        await postgres.KillAsync();

        var refused = await replica.Flow.AppendIntentAsync(intent, Stop).WaitAsync(TimeSpan.FromSeconds(10), Stop);
        await postgres.StartAgainAsync(Stop);
        var accepted = await Eventually.ValueAsync(async () => await replica.Flow.AppendIntentAsync(intent, Stop) as IntentResult.Durable);

        Assert.IsType<IntentResult.Unavailable>(refused);
        Assert.Equal(0, accepted.Receipt.Index);
    }

    private static Submission.Intent SubmissionOf(Intent intent)
    {
        var decisions = new DecisionCheck(Replica.Domain, () => [Some.Policy.Verifier], TimeProvider.System);

        return intent.ToSubmission(decisions.Open(intent)!, DateTimeOffset.UtcNow);
    }

    private static async Task<Replica> OpenAsync(OwnPostgres postgres, Replica? sameKeyAs = null)
    {
        if (sameKeyAs is not null)
        {
            return new Replica(postgres.ConnectionFor(Roles.LoginOf(AuditDbContext.Service), Password), sameKeyAs.Seed);
        }

        await Roles.EnsureAsync(postgres.SuperuserConnection(), AuditDbContext.Service, Password, Stop);
        await Migrator.MigrateAsync<AuditDbContext>(postgres.SuperuserConnection(), Stop);
        return new Replica(
            postgres.ConnectionFor(Roles.LoginOf(AuditDbContext.Service), Password), RandomNumberGenerator.GetBytes(SigningKey.SeedLength));
    }

    private static async Task AppendUntilAsync(
        Replica replica, string tenant, System.Collections.Concurrent.ConcurrentBag<ReceiptTicket> receipts, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            var intent = Some.Intent(tenant);

            // As the orchestrator does: the same intent until it is answered.
            while (!enough.IsCancellationRequested)
            {
                if (await replica.Flow.AppendIntentAsync(intent, Stop) is IntentResult.Durable durable
                    && ReceiptTicket.TryVerify(durable.Receipt.Note, [replica.Receipts], out var ticket, out _))
                {
                    receipts.Add(ticket);
                    break;
                }
            }
        }
    }
}
