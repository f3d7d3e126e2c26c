using System.Text.Json.Nodes;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.ServiceHost.Tests.Trust;

public sealed class TrustStoreTests : IDisposable
{
    private readonly TestKeys keys = TestKeys.Create();
    private readonly StoppedClock clock = new();

    public void Dispose() => keys.Dispose();

    [Fact]
    public void What_policy_signs_with_its_seed_is_what_others_trust()
    {
        var signer = Open("policy").Signer(TrustUse.PolicyDecision);

        var verifier = Assert.Single(Open("vault").Verifiers(TrustUse.PolicyDecision));
        Assert.Equal("test.mesh/policy", verifier.Name);
        Assert.Equal(signer.Verifier.ToString(), verifier.ToString());
    }

    [Fact]
    public void A_key_that_others_do_not_trust_does_not_sign()
    {
        var audit = Open("audit");

        Assert.Throws<InvalidOperationException>(() => audit.Signer(TrustUse.PolicyDecision));
    }

    [Fact]
    public void A_key_counts_only_while_it_is_valid()
    {
        var vault = Open("vault");

        clock.Now += TimeSpan.FromDays(6 * 365);

        Assert.Empty(vault.Verifiers(TrustUse.PolicyDecision));
    }

    [Fact]
    public void A_changed_file_is_read_again_without_a_restart()
    {
        var vault = Open("vault");
        Assert.Single(vault.Verifiers(TrustUse.AuditReceipt));

        Change(trust => trust["keys"]!.AsArray().RemoveAt(1));
        clock.Now += TimeSpan.FromSeconds(2);

        Assert.Empty(vault.Verifiers(TrustUse.AuditReceipt));
    }

    [Fact]
    public void A_damaged_file_leaves_the_keys_that_were_read_before()
    {
        var vault = Open("vault");

        File.WriteAllText(Path.Combine(keys.Of("vault"), "trust.json"), "{");
        clock.Now += TimeSpan.FromSeconds(2);

        Assert.Single(vault.Verifiers(TrustUse.AuditReceipt));
    }

    private TrustStore Open(string service) => new(keys.Of(service), clock, NullLogger<TrustStore>.Instance);

    private void Change(Action<JsonNode> change)
    {
        var path = Path.Combine(keys.Of("vault"), "trust.json");
        var trust = JsonNode.Parse(File.ReadAllText(path))!;
        change(trust);
        File.WriteAllText(path, trust.ToJsonString());
    }

    private sealed class StoppedClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Now.UtcTicks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }
}
