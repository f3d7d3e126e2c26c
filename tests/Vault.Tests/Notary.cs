using System.Security.Cryptography;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Mesh.Vault.Definitions;
using Mesh.Vault.Leases;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Vault.Tests;

/// <summary>Signs tickets with the keys of policy and audit, as they would and as they never would.</summary>
internal sealed class Notary(TestKeys keys)
{
    private long index;

    public NoteSigner Policy { get; } = SignerOf(keys, "policy", TrustUse.PolicyDecision);

    public NoteSigner Audit { get; } = SignerOf(keys, "audit", TrustUse.AuditReceipt);

    /// <summary>Terms of a call that nobody has seen yet.</summary>
    public static LeaseTerms NewTerms(string tenant = TestVault.Tenant, Guid? task = null, int dispatch = 1, long epoch = 1) => new(
        tenant, SampleManifests.Workflow, task ?? Guid.CreateVersion7(), new ActionDigest(new Hash256(RandomNumberGenerator.GetBytes(32))), dispatch, epoch);

    public byte[] Decide(LeaseTerms terms, Func<DecisionTicket, DecisionTicket>? change = null, NoteSigner? signer = null) =>
        (change ?? (ticket => ticket))(DecisionOf(terms)).Sign(signer ?? Policy);

    public byte[] Attest(LeaseTerms terms, Func<ReceiptTicket, ReceiptTicket>? change = null, NoteSigner? signer = null) =>
        (change ?? (ticket => ticket))(ReceiptOf(terms)).Sign(signer ?? Audit);

    /// <summary>The decision on the sample tool, by policy's own copy, which is the same as the vault's.</summary>
    public static DecisionTicket DecisionOf(LeaseTerms terms, string tool = SampleManifests.Tool)
    {
        var catalog = new Catalog(terms.Tenant, [], SampleManifests.Of(terms.Tenant));
        var definition = catalog.Tools().Single(known => known.Name == tool);
        var grant = Grant.Of(definition.Tool, definition.Integration);

        return new DecisionTicket
        {
            Domain = TestKeys.Domain,
            DecisionId = Guid.CreateVersion7(),
            Tenant = terms.Tenant,
            Workflow = terms.Workflow,
            WorkflowVersion = catalog.Workflows().Single().Version,
            Task = terms.Task,
            Tool = tool,
            ToolDigest = definition.Digest,
            Classes = [.. grant.Classes],
            Integration = grant.Integration,
            SecretName = grant.Secret?.Name,
            Action = terms.Action,
            Dispatch = terms.Dispatch,
            Epoch = terms.Epoch,
            PolicySet = ContentDigest.Of("policy"u8),
            Approval = null,
            Expiry = DateTimeOffset.UtcNow.AddSeconds(60),
        };
    }

    public ReceiptTicket ReceiptOf(LeaseTerms terms) => new()
    {
        Origin = $"{TestKeys.Domain}/audit/{terms.Tenant}",
        Index = Interlocked.Increment(ref index),
        LeafHash = Hash256.Of(terms.Action.Hash.ToArray()),
        Action = terms.Action,
        Dispatch = terms.Dispatch,
        Epoch = terms.Epoch,
        Purpose = TicketPurpose.Perform,
        Time = DateTimeOffset.UtcNow,
    };

    private static NoteSigner SignerOf(TestKeys keys, string service, string use) =>
        new TrustStore(keys.Of(service), TimeProvider.System, NullLogger<TrustStore>.Instance).Signer(use);
}
