using System.Collections.Concurrent;
using Mesh.Audit.Sequencing;
using Mesh.Integrity;

namespace Mesh.Audit.Checkpoints;

/// <summary>Signs for this installation's logs: one key, under the name <c>domain/audit</c> for receipts and under its origin for each log.</summary>
/// <param name="domain">The installation.</param>
/// <param name="key">The private key, which stays its owner's.</param>
/// <param name="trusted">The public keys that count now, an older one after a change of keys included.</param>
internal sealed class LogSigners(string domain, SigningKey key, Func<IReadOnlyList<NoteVerifier>> trusted)
{
    private readonly ConcurrentDictionary<string, NoteSigner> logs = new();
    private readonly NoteSigner receipts = new($"{domain}/audit", key);

    public string OriginOf(string tenant) => LogName.OriginOf(domain, tenant);

    public Receipt Receipt(Intent intent, EntryPlace place)
    {
        var origin = OriginOf(intent.Tenant);
        var ticket = new ReceiptTicket
        {
            Origin = origin,
            Index = place.Index,
            LeafHash = place.LeafHash,
            Action = intent.Action,
            Dispatch = intent.Dispatch,
            Epoch = intent.Epoch,
            Purpose = intent.Purpose,

            // The entry's time also for a repeat: a fresh one would outlive the vault's memory of the redemption.
            Time = place.Time,
        };

        return new Receipt(ticket.Sign(receipts), origin, place.Index);
    }

    public byte[] Sign(string tenant, long size, Hash256 root) =>
        new Checkpoint(OriginOf(tenant), size, root).Sign(SignerOf(tenant));

    /// <summary>Reads a checkpoint of that tenant's log, if a key that counts signed it.</summary>
    public Checkpoint? Verify(string tenant, ReadOnlySpan<byte> note) =>
        Checkpoint.TryVerify(note, VerifiersOf(tenant), out var checkpoint) && checkpoint.Origin == OriginOf(tenant) ? checkpoint : null;

    /// <summary>The keys that sign receipts.</summary>
    public IReadOnlyList<NoteVerifier> ReceiptVerifiers() => trusted();

    /// <summary>The keys that sign the checkpoints of one log.</summary>
    public IReadOnlyList<NoteVerifier> VerifiersOf(string tenant)
    {
        var origin = OriginOf(tenant);

        // A verification key is name+id+key: the same public key under the log's own name.
        return [.. trusted().Select(verifier => new NoteVerifier(origin, PublicKeyOf(verifier)))];
    }

    private NoteSigner SignerOf(string tenant) => logs.GetOrAdd(tenant, name => new NoteSigner(OriginOf(name), key));

    private static byte[] PublicKeyOf(NoteVerifier verifier) =>
        Convert.FromBase64String(verifier.ToString().Split('+', 3)[2])[1..];
}
