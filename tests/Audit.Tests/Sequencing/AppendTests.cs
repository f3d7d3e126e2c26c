using System.Text.Json;
using Mesh.Audit.Sequencing;
using Mesh.Integrity;

namespace Audit.Tests.Sequencing;

public sealed class AppendTests(Installation installation) : IClassFixture<Installation>
{
    [Fact]
    public async Task A_receipt_names_the_entry_that_is_in_the_log()
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var ticket = await replica.AppendAsync(intent);

        var entry = (await replica.Proofs.ListAsync(intent.Tenant, ticket.Index, 1, null, Stop)).Single();
        Assert.Equal($"{Replica.Domain}/audit/{intent.Tenant}", ticket.Origin);
        Assert.Equal((intent.Action, 1L, 1L), (ticket.Action, ticket.Dispatch, ticket.Epoch));
        Assert.Equal(MerkleTree.LeafHash(entry.Text), ticket.LeafHash);
        Assert.Equal(intent.Decision, entry.Payload);
    }

    [Fact]
    public async Task A_leaf_is_canonical_and_commits_to_the_payload_without_containing_it()
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var ticket = await replica.AppendAsync(intent);

        var entry = (await replica.Proofs.ListAsync(intent.Tenant, ticket.Index, 1, null, Stop)).Single();
        using var leaf = JsonDocument.Parse(entry.Text);
        Assert.Equal(CanonicalJson.Canonicalize(entry.Text), entry.Text);
        Assert.Equal(intent.Action.ToString(), leaf.RootElement.GetProperty("action_digest").GetString());
        Assert.Equal(
            LeafText.CommitmentTo(entry.Salt, intent.Decision).ToString(), leaf.RootElement.GetProperty("payload_sha256").GetString());
        Assert.DoesNotContain(Convert.ToBase64String(intent.Decision), leaf.RootElement.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_repeated_intent_gets_the_same_receipt_and_no_second_entry()
    {
        await using var first = installation.Open();
        await using var second = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var tickets = await Task.WhenAll(Enumerable.Range(0, 40).Select(n => (n % 2 == 0 ? first : second).AppendAsync(intent)));

        // The time too: the vault refuses receipts from before its own memory, and a repeat must not make one look newer.
        Assert.Single(tickets.Distinct());
        Assert.Equal(1L, await SizeAsync(first, intent.Tenant));
    }

    [Fact]
    public async Task Another_dispatch_task_or_tenant_is_another_intent()
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var first = await replica.AppendAsync(intent);
        var others = new[]
        {
            await replica.AppendAsync(Some.Decided(intent with { Dispatch = 2 })),
            await replica.AppendAsync(Some.Decided(intent with { Task = Guid.CreateVersion7() })),
        };
        var elsewhere = await replica.AppendAsync(Some.Decided(intent with { Tenant = Some.Tenant() }));

        Assert.Equal([0, 1, 2], others.Select(ticket => ticket.Index).Prepend(first.Index));
        Assert.Equal(0, elsewhere.Index);
    }

    [Fact]
    public async Task A_dispatch_is_announced_once_and_a_repeat_that_says_something_else_is_refused()
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());
        var first = await replica.AppendAsync(intent);

        foreach (var other in (Intent[])
        [
            intent with { Purpose = TicketPurpose.Probe },
            Some.Decided(intent with { Epoch = 2 }),
            Some.Decided(intent with { Step = "tool#2" }),
        ])
        {
            Assert.IsType<IntentResult.AnnouncedOtherwise>(await replica.Flow.AppendIntentAsync(other, Stop));
        }

        // Another decision for the same is a retry: policy was asked again.
        Assert.Equal(first, await replica.AppendAsync(Some.Decided(intent)));
        Assert.Equal(1L, await SizeAsync(replica, intent.Tenant));
    }

    [Fact]
    public async Task Of_perform_and_probe_of_one_dispatch_at_once_one_is_receipted()
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(n => replica.Flow.AppendIntentAsync(
            intent with { Purpose = n % 2 == 0 ? TicketPurpose.Perform : TicketPurpose.Probe }, Stop)));

        var receipts = results.OfType<IntentResult.Durable>().Select(durable =>
        {
            Assert.True(ReceiptTicket.TryVerify(durable.Receipt.Note, [replica.Receipts], out var receipt, out _));
            return receipt;
        });
        Assert.Single(receipts.Distinct());
        Assert.Equal(32, results.OfType<IntentResult.AnnouncedOtherwise>().Count());
    }

    public static TheoryData<string> Lies => [.. Lying.Keys];

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task An_intent_that_policy_did_not_decide_is_refused_and_leaves_no_leaf(string lie)
    {
        await using var replica = installation.Open();
        var intent = Some.Intent(Some.Tenant());

        var refused = await replica.Flow.AppendIntentAsync(Lying[lie](intent), Stop);

        Assert.IsType<IntentResult.NotDecided>(refused);
        Assert.Equal(0L, await replica.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{intent.Tenant}'"));
    }

    private static readonly Dictionary<string, Func<Intent, Intent>> Lying = new()
    {
        ["another tool"] = intent => intent with { Tool = "crm.get_order" },
        ["a lower class"] = intent => intent with { Classes = ["read"] },
        ["a class more"] = intent => intent with { Classes = ["external_write", "read"] },
        ["another workflow"] = intent => intent with { Workflow = "payroll" },
        ["another task"] = intent => intent with { Task = Guid.CreateVersion7() },
        ["another action"] = intent => intent with { Action = Some.Intent(intent.Tenant).Action },
        ["another dispatch"] = intent => intent with { Dispatch = 2 },
        ["another epoch"] = intent => intent with { Epoch = 2 },
        ["a decision for another tenant"] = intent => Some.Decided(intent, decision => decision with { Tenant = "globex" }),
        ["a decision of another mesh"] = intent => Some.Decided(intent, decision => decision with { Domain = "other.mesh" }),
        ["an expired decision"] = intent => Some.Decided(intent, decision => decision with { Expiry = DateTimeOffset.UtcNow.AddSeconds(-6) }),
        ["a foreign note"] = intent => Some.Decided(intent, signer: new NoteSigner(Some.Policy.Name, SigningKey.FromSeed(SigningKey.GenerateSeed()))),
        ["garbage"] = intent => intent with { Decision = [.. Enumerable.Range(0, 500).Select(n => (byte)n)] },
    };

    [Fact]
    public async Task Sixty_four_appenders_of_two_replicas_leave_no_gap_and_share_no_index()
    {
        const int Each = 20;
        await using var first = installation.Open();
        await using var second = installation.Open();
        var tenant = Some.Tenant();

        var tickets = await Task.WhenAll(Enumerable.Range(0, 64).Select(n => Task.Run(async () =>
        {
            var own = new List<ReceiptTicket>();

            for (var i = 0; i < Each; i++)
            {
                own.Add(await (n % 2 == 0 ? first : second).AppendAsync(Some.Intent(tenant)));
            }

            return own;
        })));

        Assert.Equal(Enumerable.Range(0, 64 * Each).Select(i => (long)i), tickets.SelectMany(t => t).Select(t => t.Index).Order());
        Assert.Equal(64L * Each, await first.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{tenant}'"));
    }

    [Fact]
    public async Task Many_tenants_in_one_batch_each_get_their_own_dense_log()
    {
        await using var first = installation.Open();
        await using var second = installation.Open();
        var tenants = Enumerable.Range(0, 12).Select(_ => Some.Tenant()).ToArray();

        var tickets = await Task.WhenAll(Enumerable.Range(0, 240).Select(n => (n % 2 == 0 ? first : second).AppendAsync(Some.Intent(tenants[n % 12]))));

        foreach (var own in tickets.GroupBy(ticket => ticket.Origin))
        {
            Assert.Equal(Enumerable.Range(0, 20).Select(i => (long)i), own.Select(ticket => ticket.Index).Order());
        }
    }

    [Fact]
    public async Task A_store_that_takes_no_writes_gives_no_receipt_and_serves_again_when_it_does()
    {
        await using var own = new Installation();
        await own.InitializeAsync();
        await own.AsSuperuserAsync($"alter database {own.Database.Name} set default_transaction_read_only = on");
        await using var replica = own.Open();
        var intent = Some.Intent(Some.Tenant());

        var refused = await replica.Flow.AppendIntentAsync(intent, Stop);
        await own.AsSuperuserAsync($"set transaction read write; alter database {own.Database.Name} reset default_transaction_read_only");
        await using var later = own.Open();
        var accepted = await later.AppendAsync(intent);

        Assert.IsType<IntentResult.Unavailable>(refused);
        Assert.Equal(0, accepted.Index);
    }

    [Fact]
    public async Task A_store_whose_commits_are_not_durable_gives_no_receipt()
    {
        await using var own = new Installation();
        await own.InitializeAsync();
        await own.AsSuperuserAsync("alter role mesh_audit in database " + own.Database.Name + " set synchronous_commit = off");
        await using var replica = own.Open();

        var refused = await replica.Flow.AppendIntentAsync(Some.Intent(Some.Tenant()), Stop);

        Assert.IsType<IntentResult.Unavailable>(refused);
    }

    private static Task<long> SizeAsync(Replica replica, string tenant) =>
        replica.ScalarAsync<long>($"select size from log_head where tenant_id = '{tenant}'");
}
