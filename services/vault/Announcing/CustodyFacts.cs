using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.Vault.Leases;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Announcing;

/// <summary>What the vault tells the audit log. Each fact is written in the transaction that makes it true.</summary>
internal static class CustodyFacts
{
    private const string Mesh = "mesh";

    private static readonly string Type = Facts.V1.CustodyFactBatch.Descriptor.FullName;

    public static Envelope Redeemed(LeaseTerms terms, Guid lease, DateTimeOffset at, string? integration, SecretName? secret, long version, string runner) =>
        Envelope(terms.Tenant, LeaseKey(lease), 0, Mesh, at, fact => fact.LeaseRedeemed = new Facts.V1.LeaseRedeemed
        {
            LeaseId = lease.ToString("D"),
            TaskId = Bytes(terms.Task),
            ActionDigest = Bytes(terms.Action),
            Dispatch = terms.Dispatch,
            Epoch = terms.Epoch,
            Integration = integration ?? "",
            Secret = secret?.ToString() ?? "",
            SecretVersion = version,
            RunnerInstance = runner,
        });

    public static Envelope LeaseReplayed(string tenant, Guid lease, Guid task, string caller, DateTimeOffset at) =>
        Envelope(tenant, LeaseKey(lease), 1, Mesh, at, fact => fact.SecurityEvent = new Facts.V1.SecurityEvent
        {
            Reason = "LEASE_USED",
            LeaseId = lease.ToString("D"),
            TaskId = Bytes(task),
            Caller = caller,
        });

    public static Envelope Fenced(FenceScope scope, long epoch, DateTimeOffset at)
    {
        var name = scope switch
        {
            FenceScope.OfDispatch one => $"task/{one.Task:D}/dispatch/{one.Action}/{one.Dispatch}",
            _ => $"task/{scope.Task:D}",
        };
        return Envelope(scope.Tenant, "fence/" + name, epoch, Mesh, at, fact => fact.ScopeFenced = new Facts.V1.ScopeFenced { Scope = name, Epoch = epoch });
    }

    public static Envelope SecretChanged(string tenant, SecretName name, long version, string actor, DateTimeOffset at) =>
        Envelope(tenant, $"secret/{tenant}/{name}", version, actor, at, fact => fact.SecretChanged = new Facts.V1.SecretChanged
        {
            Name = name.ToString(),
            Version = version,
        });

    private static Envelope Envelope(string tenant, string key, long sequence, string actor, DateTimeOffset at, Action<Facts.V1.CustodyFact> tell)
    {
        var fact = new Facts.V1.CustodyFact { Tenant = tenant, Time = Timestamp.FromDateTimeOffset(at), Actor = actor };
        tell(fact);
        var batch = new Facts.V1.CustodyFactBatch { Facts = { fact.ToByteString() } };
        return new Envelope(Guid.CreateVersion7(), tenant, key, sequence, Type, Activity.Current?.Id, batch.ToByteArray());
    }

    private static string LeaseKey(Guid lease) => $"lease/{lease:D}";

    private static ByteString Bytes(Guid id) => UnsafeByteOperations.UnsafeWrap(id.ToByteArray(bigEndian: true));

    private static ByteString Bytes(ActionDigest digest) => UnsafeByteOperations.UnsafeWrap(digest.Hash.ToArray());
}
