using System.Text;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Mesh.Vault.Leases;
using static Mesh.Vault.Tests.Notary;

namespace Mesh.Vault.Tests.Leases;

public sealed class RedemptionTests
{
    [Fact]
    public async Task A_lease_with_both_tickets_yields_the_credential_and_the_target_of_the_vaults_own_copy()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        var redeemed = Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));

        Assert.Equal(TestVault.Secret, Encoding.UTF8.GetString(redeemed.Credential!.Span));
        Assert.Equal("http://127.0.0.1:7390", redeemed.Grant.Target.BaseUrl);
        Assert.Equal(lease.Id, redeemed.LeaseId);
        Assert.Equal(TimeSpan.FromSeconds(60), lease.ExpiresAt - lease.IssuedAt);
        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from outbox where key like 'lease/%'"));
    }

    [Fact]
    public async Task A_tool_without_a_secret_redeems_a_lease_of_nothing_by_the_same_path()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        var decision = DecisionOf(terms, SampleManifests.OpenTool).Sign(vault.Notary.Policy);

        var redeemed = Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms, decision));
        var again = await vault.RedeemAsync(lease, terms, decision);

        Assert.Null(redeemed.Credential);
        Assert.Equal("http://127.0.0.1:7391", redeemed.Grant.Target.BaseUrl);
        Assert.Equal(Reason.LeaseUsed, Assert.IsType<RedeemOutcome.Refused>(again).Reason);
    }

    [Fact]
    public async Task A_thousand_redemptions_of_one_lease_a_hundred_at_a_time_have_exactly_one_winner()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        // Each with a receipt of its own, so that nothing but the lease stands between them. Many more at a time than the store
        // has connections, and few enough that none waits for one until it gives up.
        using var door = new SemaphoreSlim(100);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async _ =>
        {
            await door.WaitAsync(TestContext.Current.CancellationToken);

            try
            {
                return await Task.Run(() => vault.RedeemAsync(lease, terms));
            }
            finally
            {
                door.Release();
            }
        }));

        Assert.Single(outcomes.OfType<RedeemOutcome.Redeemed>());
        Assert.Equal(999, outcomes.OfType<RedeemOutcome.Refused>().Count(refused => refused.Reason == Reason.LeaseUsed));
        Assert.Equal(2, await vault.ScalarAsync<long>("select count(*) from outbox where key like 'lease/%'"));
    }

    [Fact]
    public async Task A_second_redemption_is_one_security_event_and_revokes_the_other_leases_of_the_task()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var other = NewTerms(task: terms.Task);
        var stranger = NewTerms();
        var lease = await vault.IssueAsync(terms);
        var outstanding = await vault.IssueAsync(other);
        var unrelated = await vault.IssueAsync(stranger);
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));

        await vault.RedeemAsync(lease, terms);
        await vault.RedeemAsync(lease, terms);

        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from outbox where key like 'lease/%' and key_seq = 1"));
        AssertRefused(Reason.Fenced, await vault.RedeemAsync(outstanding, other));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(unrelated, stranger));
    }

    [Fact]
    public async Task A_lease_is_of_no_use_after_a_minute()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        await vault.ExecuteAsync("update lease set issued_at = issued_at - interval '60 seconds', expires_at = expires_at - interval '60 seconds'");

        AssertRefused(Reason.LeaseExpired, await vault.RedeemAsync(lease, terms));
    }

    [Fact]
    public async Task A_lease_is_of_no_use_for_anything_but_what_it_was_issued_for()
    {
        await using var vault = await TestVault.StartAsync();
        await vault.ApplyAsync(SampleManifests.Of("globex"));
        await vault.PutAsync("globex", TestVault.SecretName, "another secret");
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        LeaseTerms[] others =
        [
            terms with { Action = NewTerms().Action },
            terms with { Dispatch = 2 },
            terms with { Epoch = 2 },
            terms with { Task = Guid.CreateVersion7() },
            terms with { Tenant = "globex" },
        ];

        foreach (var other in others)
        {
            AssertRefused(Reason.LeaseMismatch, await vault.RedeemAsync(lease, other));
        }

        AssertRefused(Reason.LeaseMismatch, await vault.RedeemAsync(lease, terms, caller: new SpiffeId(TestKeys.Domain, "orchestrator")));
        AssertRefused(Reason.LeaseMismatch, await vault.RedeemAsync(lease, terms, caller: new SpiffeId("other.mesh", "toolrunner")));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    public static TheoryData<string> WrongDecisions => [.. Decisions.Keys];

    [Theory]
    [MemberData(nameof(WrongDecisions))]
    public async Task A_decision_that_is_not_exactly_this_one_yields_nothing_and_leaves_the_lease(string wrong)
    {
        await using var vault = await TestVault.StartAsync();
        await vault.ApplyAsync(SampleManifests.Of("globex"));
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        var (expected, change) = Decisions[wrong];

        AssertRefused(expected, await vault.RedeemAsync(lease, terms, vault.Notary.Decide(terms, change)));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    private static readonly Dictionary<string, (Reason, Func<DecisionTicket, DecisionTicket>)> Decisions = new()
    {
        ["of another mesh"] = (Reason.DecisionInvalid, d => d with { Domain = "other.mesh" }),
        ["of another action"] = (Reason.DecisionInvalid, d => d with { Action = NewTerms().Action }),
        ["of another dispatch"] = (Reason.DecisionInvalid, d => d with { Dispatch = 2 }),
        ["of another epoch"] = (Reason.ReceiptInvalid, d => d with { Epoch = 2 }),
        ["expired"] = (Reason.DecisionInvalid, d => d with { Expiry = DateTimeOffset.UtcNow.AddSeconds(-6) }),
        ["for another tenant"] = (Reason.ReceiptInvalid, d => d with { Tenant = "globex", WorkflowVersion = DecisionOf(NewTerms("globex")).WorkflowVersion }),
        ["for another task"] = (Reason.LeaseMismatch, d => d with { Task = Guid.CreateVersion7() }),
        ["for another workflow"] = (Reason.WorkflowNotFound, d => d with { Workflow = "payroll" }),
        ["for another version of the workflow"] = (Reason.WorkflowNotFound, d => d with { WorkflowVersion = ContentDigest.Of("other"u8) }),
        ["for a tool that the workflow does not list"] = (Reason.ToolNotGranted, d => d with { Tool = "payments.void" }),
        ["for another definition of the tool"] = (Reason.ToolDefinitionChanged, d => d with { ToolDigest = ContentDigest.Of("other"u8) }),
        ["for another tool of the workflow"] = (Reason.ToolDefinitionChanged, d => d with { Tool = SampleManifests.OpenTool }),
        ["with a lower class"] = (Reason.DecisionInvalid, d => d with { Classes = ["read"] }),
        ["with one class more"] = (Reason.DecisionInvalid, d => d with { Classes = ["financial", "read"] }),
        ["with another integration"] = (Reason.DecisionInvalid, d => d with { Integration = "weather" }),
        ["with another secret"] = (Reason.DecisionInvalid, d => d with { SecretName = "root-key" }),
        ["with another integration's secret"] = (Reason.DecisionInvalid, d => d with { SecretName = "weather/payments-key" }),
        ["without a secret"] = (Reason.DecisionInvalid, d => d with { SecretName = null }),
    };

    [Fact]
    public async Task A_decision_counts_only_under_policys_key_and_a_receipt_only_under_audits()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        using var strange = SigningKey.FromSeed(SigningKey.GenerateSeed());
        var forger = new NoteSigner(vault.Notary.Policy.Name, strange);

        AssertRefused(Reason.DecisionInvalid, await vault.RedeemAsync(lease, terms, vault.Notary.Decide(terms, signer: vault.Notary.Audit)));
        AssertRefused(Reason.DecisionInvalid, await vault.RedeemAsync(lease, terms, vault.Notary.Decide(terms, signer: forger)));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, signer: vault.Notary.Policy)));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Decide(terms, signer: vault.Notary.Audit)));
        AssertRefused(Reason.DecisionInvalid, await vault.RedeemAsync(lease, terms, decision: []));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: []));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    [Fact]
    public async Task Every_single_changed_byte_of_a_ticket_is_noticed()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        var decision = vault.Notary.Decide(terms);

        for (var i = 0; i < decision.Length; i++)
        {
            var changed = decision.ToArray();
            changed[i] ^= 1;
            Assert.IsType<RedeemOutcome.Refused>(await vault.RedeemAsync(lease, terms, changed));
        }
    }

    [Fact]
    public async Task A_receipt_of_another_action_dispatch_or_epoch_is_refused()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);

        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, r => r with { Action = NewTerms().Action })));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, r => r with { Dispatch = 2 })));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, r => r with { Epoch = 2 })));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, r => r with { Origin = "test.mesh/audit/globex" })));
        AssertRefused(Reason.ReceiptTooOld, await vault.RedeemAsync(lease, terms, receipt: vault.Notary.Attest(terms, r => r with { Time = DateTimeOffset.UtcNow.AddHours(-7) })));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    [Fact]
    public async Task One_receipt_is_good_for_one_redemption_whatever_the_lease()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var receipt = vault.Notary.Attest(terms);
        var leases = new List<IssuedLease>();

        for (var i = 0; i < 50; i++)
        {
            leases.Add(await vault.IssueAsync(terms));
        }

        var outcomes = await Task.WhenAll(leases.Select(lease => Task.Run(() => vault.RedeemAsync(lease, terms, receipt: receipt))));

        Assert.Single(outcomes.OfType<RedeemOutcome.Redeemed>());
        Assert.Equal(49, outcomes.OfType<RedeemOutcome.Refused>().Count(refused => refused.Reason == Reason.ReceiptUsed));
    }

    [Fact]
    public async Task One_dispatch_is_redeemed_once_whatever_the_number_of_its_leases_receipts_and_epochs()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var attempts = new List<(IssuedLease Lease, LeaseTerms Terms)>();

        for (var epoch = 1; epoch <= 96; epoch++)
        {
            var own = terms with { Epoch = 1 + (epoch % 3) };
            attempts.Add((await vault.IssueAsync(own), own));
        }

        // Each with a decision and a receipt of its own.
        var outcomes = await Task.WhenAll(attempts.Select(one => Task.Run(() => vault.RedeemAsync(one.Lease, one.Terms))));

        Assert.Single(outcomes.OfType<RedeemOutcome.Redeemed>());
        Assert.Equal(95, outcomes.OfType<RedeemOutcome.Refused>().Count(refused => refused.Reason == Reason.DispatchUsed));
        Assert.Single((await vault.FenceAsync(new FenceScope.OfDispatch(terms.Tenant, terms.Task, terms.Action, terms.Dispatch))).Redemptions);
        var next = terms with { Dispatch = 2 };
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(next), next));
    }

    [Fact]
    public async Task A_receipt_for_a_probe_performs_nothing_and_one_for_performing_probes_nothing()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var lease = await vault.IssueAsync(terms);
        var probe = vault.Notary.Attest(terms, receipt => receipt with { Purpose = TicketPurpose.Probe });

        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, receipt: probe));
        AssertRefused(Reason.ReceiptInvalid, await vault.RedeemAsync(lease, terms, purpose: TicketPurpose.Probe));
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms, receipt: probe, purpose: TicketPurpose.Probe));
    }

    [Fact]
    public async Task A_lease_whose_secret_was_never_put_is_refused_and_not_burnt()
    {
        await using var vault = await TestVault.StartAsync();
        await vault.ApplyAsync(SampleManifests.Of("globex"));
        var terms = NewTerms("globex");
        var lease = await vault.IssueAsync(terms);

        AssertRefused(Reason.SecretNotFound, await vault.RedeemAsync(lease, terms));
        await vault.PutAsync("globex", TestVault.SecretName, "late");
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));
    }

    [Fact]
    public async Task A_token_that_was_never_issued_is_not_found()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var invented = new IssuedLease(OpaqueToken.Generate(TokenKind.Lease), Guid.NewGuid(), default, default);

        AssertRefused(Reason.LeaseNotFound, await vault.RedeemAsync(invented, terms));
    }

    [Fact]
    public async Task A_task_under_way_keeps_the_definition_that_it_started_with()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        await vault.ApplyAsync(SampleManifests.Of(TestVault.Tenant, baseUrl: "http://127.0.0.1:6666"));
        var lease = await vault.IssueAsync(terms);

        var redeemed = Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(lease, terms));

        Assert.Equal("http://127.0.0.1:7390", redeemed.Grant.Target.BaseUrl);
    }

    private static void AssertRefused(Reason expected, RedeemOutcome outcome) =>
        Assert.Equal(expected, Assert.IsType<RedeemOutcome.Refused>(outcome).Reason);
}
