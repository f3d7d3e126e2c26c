using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Mesh.Vault.Leases;
using static Mesh.Vault.Tests.Notary;
using static Mesh.Vault.Tests.RunningVault;

namespace Mesh.Vault.Tests.Intake;

public sealed class ServiceTests
{
    private const string Secret = "sk_live_over_the_wire_4242";

    [Fact]
    public async Task A_credential_travels_from_put_to_redemption_and_is_in_no_log_and_no_metric()
    {
        await using var vault = await StartAsync();
        await vault.SetUpAsync("acme", Secret);
        var terms = NewTerms();
        var lease = await IssueAsync(vault, terms);
        var request = RequestOf(vault, lease.Lease, terms);

        var redeemed = await vault.LeasesAs("toolrunner").RedeemLeaseAsync(request);
        var again = await FailureOf(() => vault.LeasesAs("toolrunner").RedeemLeaseAsync(request));

        Assert.Equal(Secret, redeemed.Credential.ToStringUtf8());
        Assert.Equal(("Authorization", "Bearer {value}"), (redeemed.Injection.Header.Name, redeemed.Injection.Header.Format));
        Assert.Equal("http://127.0.0.1:7390", redeemed.BaseUrl);
        Assert.Equal(["127.0.0.1:7390"], redeemed.Egress);
        Assert.Equal(lease.LeaseId, redeemed.LeaseId);
        Assert.Equal(Reason.LeaseUsed, again.Reason);

        var seen = vault.Output + await vault.MetricsAsync() + again.Message;
        Assert.Contains(lease.LeaseId, seen, StringComparison.Ordinal);
        Assert.All([Secret, lease.Lease, lease.Lease[4..], Convert.ToBase64String(request.Decision.Span)[..40]], hidden => Assert.DoesNotContain(hidden, seen, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_fence_over_the_wire_names_the_process_that_redeemed_and_what_it_used()
    {
        await using var vault = await StartAsync();
        await vault.SetUpAsync("acme", Secret);
        var terms = NewTerms();
        var lease = await IssueAsync(vault, terms);
        var redeemed = await vault.LeasesAs("toolrunner").RedeemLeaseAsync(RequestOf(vault, lease.Lease, terms));

        var fenced = await vault.LeasesAs("orchestrator").FenceAsync(new V1.FenceRequest
        {
            Tenant = "acme",
            Dispatch = new V1.DispatchScope { TaskId = Bytes(terms.Task), ActionDigest = ByteString.CopyFrom(terms.Action.Hash.ToArray()), Dispatch = 1 },
        });

        var redemption = Assert.Single(fenced.Redemptions);
        Assert.Equal(("runner-1", "127.0.0.1:7315"), (redemption.RunnerInstance, redemption.RunnerAddress));
        Assert.Equal((lease.LeaseId, lease.IssuedAt, redeemed.RedeemedAt), (redemption.LeaseId, redemption.IssuedAt, redemption.RedeemedAt));
        Assert.False(fenced.Lost);
    }

    [Fact]
    public async Task A_lying_orchestrator_gets_nothing_by_itself_and_nothing_through_a_runner()
    {
        await using var vault = await StartAsync();
        await vault.SetUpAsync("acme", Secret);
        await vault.SetUpAsync("globex", "the secret of globex");
        var orchestrator = vault.LeasesAs("orchestrator");
        var runner = vault.LeasesAs("toolrunner");
        var terms = NewTerms();
        var lease = await IssueAsync(vault, terms);

        // What only others may do.
        Assert.Equal(Reason.CallerNotAllowed, (await FailureOf(() => orchestrator.RedeemLeaseAsync(RequestOf(vault, lease.Lease, terms)))).Reason);
        Assert.Equal(Reason.CallerNotAllowed, (await FailureOf(() => orchestrator.GetVerificationKeysAsync(new() { Tenant = "acme", Webhook = "shop" }))).Reason);
        Assert.Equal(Reason.CallerNotAllowed, (await FailureOf(() => vault.SecretsAs("orchestrator").ListSecretsAsync(new() { Tenant = "acme" }, Bearing("root")))).Reason);
        Assert.Equal(Reason.CallerNotAllowed, (await FailureOf(() => vault.ManifestsAs("orchestrator").ApplyManifestsAsync(new(), Bearing("root")))).Reason);
        Assert.Equal(Reason.CallerNotAllowed, (await FailureOf(() => runner.IssueLeaseAsync(new()))).Reason);

        // Another tenant's secret: the lease that it can issue for any terms does not make up for the tickets that it cannot sign.
        var stolen = terms with { Tenant = "globex" };
        var foreign = await IssueAsync(vault, stolen);
        Assert.Equal(Reason.LeaseMismatch, await RefusalOf(vault, foreign.Lease, terms));
        Assert.Equal(Reason.DecisionInvalid, await RefusalOf(vault, foreign.Lease, stolen, decision: Tampered(vault.Notary.Decide(terms), "\nacme\n", "\nglobex\n")));

        // A lower class and another address: both come from the vault's copy, and a decision that says otherwise is refused.
        Assert.Equal(Reason.DecisionInvalid, await RefusalOf(vault, lease.Lease, terms, decision: vault.Notary.Decide(terms, d => d with { Classes = ["read"] })));
        Assert.Equal(Reason.ToolDefinitionChanged, await RefusalOf(vault, lease.Lease, terms, decision: vault.Notary.Decide(terms, d => d with { ToolDigest = Integrity.ContentDigest.Of("mine"u8) })));

        // The receipt of an earlier dispatch, which was redeemed.
        var receipt = vault.Notary.Attest(terms);
        await runner.RedeemLeaseAsync(RequestOf(vault, lease.Lease, terms, receipt: receipt));
        Assert.Equal(Reason.ReceiptUsed, await RefusalOf(vault, (await IssueAsync(vault, terms)).Lease, terms, receipt: receipt));
    }

    [Fact]
    public async Task Only_a_person_with_the_role_puts_a_secret_whatever_ingress_says()
    {
        await using var vault = await StartAsync();
        var secrets = vault.SecretsAs("ingress");
        var put = () => new V1.PutSecretRequest { Tenant = "acme", Name = "payments/payments-key", Value = ByteString.CopyFromUtf8(Secret) };
        var claimed = new Metadata();
        claimed.Add(new Principal("mallory", PrincipalKind.Person, System.Collections.Immutable.ImmutableDictionary<string, System.Collections.Immutable.ImmutableHashSet<string>>.Empty.Add("*", ["admin"]), [], "t"));

        Assert.Equal(Reason.Unauthenticated, (await FailureOf(() => secrets.PutSecretAsync(put()))).Reason);
        Assert.Equal(Reason.Unauthenticated, (await FailureOf(() => secrets.PutSecretAsync(put(), claimed))).Reason);
        Assert.Equal(Reason.Unauthenticated, (await FailureOf(() => secrets.PutSecretAsync(put(), Bearing("unknown")))).Reason);
        Assert.Equal(Reason.PermissionDenied, (await FailureOf(() => secrets.PutSecretAsync(put(), Bearing("operator")))).Reason);

        var elsewhere = put();
        elsewhere.Tenant = "globex";
        Assert.Equal(Reason.PermissionDenied, (await FailureOf(() => secrets.PutSecretAsync(elsewhere, Bearing("keeper")))).Reason);
        Assert.Equal(Reason.PermissionDenied, (await FailureOf(() => secrets.ListSecretsAsync(new() { Tenant = "globex" }, Bearing("keeper")))).Reason);
        Assert.Equal("person:keeper", (await secrets.PutSecretAsync(put(), Bearing("keeper"))).Secret.UpdatedBy);
        Assert.Single((await secrets.ListSecretsAsync(new() { Tenant = "acme" }, Bearing("keeper"))).Secrets);

        await vault.StopPolicyAsync();
        Assert.Equal(Reason.PolicyUnavailable, (await FailureOf(() => secrets.PutSecretAsync(put(), Bearing("keeper")))).Reason);
    }

    [Theory]
    [InlineData("payments", 1, "name")]
    [InlineData("payments/Key", 1, "name")]
    [InlineData("payments/key/more", 1, "name")]
    [InlineData("payments/key", 0, "value")]
    [InlineData("payments/key", 65_537, "value")]
    [InlineData("webhooks/shop", 24, "value")]
    public async Task A_malformed_secret_is_refused_by_its_field(string name, int length, string field)
    {
        await using var vault = await StartAsync();
        var request = new V1.PutSecretRequest { Tenant = "acme", Name = name, Value = ByteString.CopyFrom(new byte[length]) };

        var failure = await FailureOf(() => vault.SecretsAs("ingress").PutSecretAsync(request, Bearing("keeper")));

        Assert.Equal(Reason.InvalidArgument, failure.Reason);
        Assert.Equal(field, Assert.Single(failure.Fields).Field);
    }

    [Fact]
    public async Task Manifests_are_rehearsed_taken_whole_or_not_at_all_and_only_from_who_may()
    {
        await using var vault = await StartAsync();
        var manifests = vault.ManifestsAs("ingress");
        var all = SampleManifests.Of("acme");

        Assert.Equal(Reason.Unauthenticated, (await FailureOf(() => manifests.ApplyManifestsAsync(RunningVault.RequestOf(all)))).Reason);
        Assert.Equal(Reason.PermissionDenied, (await FailureOf(() => manifests.ApplyManifestsAsync(RunningVault.RequestOf(all), Bearing("keeper")))).Reason);

        var rehearsed = await manifests.ApplyManifestsAsync(RunningVault.RequestOf(all, validateOnly: true), Bearing("root"));
        var partial = await FailureOf(() => manifests.ApplyManifestsAsync(RunningVault.RequestOf(all.Where(document => document.Name != "payments.refund")), Bearing("root")));
        var applied = await manifests.ApplyManifestsAsync(RunningVault.RequestOf(all), Bearing("root"));
        var repeated = await manifests.ApplyManifestsAsync(RunningVault.RequestOf(all), Bearing("root"));

        Assert.All(rehearsed.Applied, one => Assert.Equal(Manifests.V1.AppliedManifest.Types.Change.Created, one.Change));
        Assert.Equal(Reason.ManifestInvalid, partial.Reason);
        Assert.Contains("sample.yaml:", Assert.Single(partial.Fields).Field, StringComparison.Ordinal);
        Assert.All(applied.Applied, one => Assert.Equal(Manifests.V1.AppliedManifest.Types.Change.Created, one.Change));
        Assert.All(repeated.Applied, one => Assert.Equal(Manifests.V1.AppliedManifest.Types.Change.Unchanged, one.Change));
        Assert.Equal(all.Count, applied.Applied.Count);
    }

    [Fact]
    public async Task Ingress_gets_the_keys_of_a_webhook_and_no_word_about_one_that_is_not_there()
    {
        await using var vault = await StartAsync();
        await vault.SetUpAsync("acme", Secret);
        var key = "whsec_" + Convert.ToBase64String(new byte[32]);
        await vault.SecretsAs("ingress").PutSecretAsync(
            new V1.PutSecretRequest { Tenant = "acme", Name = "webhooks/shop-signing-key", Value = ByteString.CopyFromUtf8(key) }, Bearing("keeper"));

        var known = await vault.LeasesAs("ingress").GetVerificationKeysAsync(new() { Tenant = "acme", Webhook = "shop" });
        var unknown = await vault.LeasesAs("ingress").GetVerificationKeysAsync(new() { Tenant = "globex", Webhook = "shop" });

        Assert.True(known.Known);
        Assert.Equal("standard-webhooks", known.Scheme);
        Assert.Equal(key, Assert.Single(known.Keys).ToStringUtf8());
        Assert.False(unknown.Known);
        Assert.Empty(unknown.Keys);
    }

    [Fact]
    public async Task With_the_wrong_root_key_it_runs_sealed_and_says_so_everywhere()
    {
        await using var vault = await StartAsync(withWrongRootKey: true);

        Assert.False((await vault.ReadinessAsync()).IsReady);
        Assert.Equal(Reason.VaultSealed, (await FailureOf(() => vault.LeasesAs("orchestrator").IssueLeaseAsync(IssueRequestOf(NewTerms())))).Reason);
        Assert.Equal(Reason.VaultSealed, (await FailureOf(() => vault.LeasesAs("toolrunner").RedeemLeaseAsync(RequestOf(vault, Integrity.OpaqueToken.Generate(Integrity.TokenKind.Lease).Reveal(), NewTerms())))).Reason);
        Assert.Equal(Reason.VaultSealed, (await FailureOf(() => vault.LeasesAs("ingress").GetVerificationKeysAsync(new() { Tenant = "acme", Webhook = "shop" }))).Reason);
        Assert.Equal(Reason.VaultSealed, (await FailureOf(() => vault.SecretsAs("ingress").PutSecretAsync(
            new V1.PutSecretRequest { Tenant = "acme", Name = "payments/key", Value = ByteString.CopyFromUtf8("x") }, Bearing("keeper")))).Reason);
    }

    [Fact]
    public async Task Without_a_root_key_it_does_not_start()
    {
        var (exitCode, error) = await StartWithoutRootKeyAsync();

        Assert.Equal(2, exitCode);
        Assert.Contains("root.key", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static async Task<V1.IssueLeaseResponse> IssueAsync(RunningVault vault, LeaseTerms terms) =>
        await vault.LeasesAs("orchestrator").IssueLeaseAsync(IssueRequestOf(terms));

    private static V1.IssueLeaseRequest IssueRequestOf(LeaseTerms terms) => new()
    {
        Tenant = terms.Tenant,
        Workflow = terms.Workflow,
        TaskId = Bytes(terms.Task),
        ActionDigest = ByteString.CopyFrom(terms.Action.Hash.ToArray()),
        Dispatch = terms.Dispatch,
        Epoch = terms.Epoch,
    };

    private static V1.RedeemLeaseRequest RequestOf(RunningVault vault, string lease, LeaseTerms terms, byte[]? decision = null, byte[]? receipt = null) => new()
    {
        Lease = lease,
        Decision = ByteString.CopyFrom(decision ?? vault.Notary.Decide(terms)),
        Receipt = ByteString.CopyFrom(receipt ?? vault.Notary.Attest(terms)),
        ActionDigest = ByteString.CopyFrom(terms.Action.Hash.ToArray()),
        Dispatch = terms.Dispatch,
        Purpose = "perform",
        RunnerInstance = "runner-1",
        RunnerAddress = "127.0.0.1:7315",
    };

    private static async Task<Reason> RefusalOf(RunningVault vault, string lease, LeaseTerms terms, byte[]? decision = null, byte[]? receipt = null) =>
        (await FailureOf(() => vault.LeasesAs("toolrunner").RedeemLeaseAsync(RequestOf(vault, lease, terms, decision, receipt)))).Reason;

    private static async Task<RpcFailure> FailureOf<T>(Func<AsyncUnaryCall<T>> call) =>
        RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(async () => await call()));

    private static byte[] Tampered(byte[] note, string from, string to) =>
        System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(note).Replace(from, to, StringComparison.Ordinal));

    private static ByteString Bytes(Guid id) => ByteString.CopyFrom(id.ToByteArray(bigEndian: true));
}
