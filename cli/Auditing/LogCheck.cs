using System.Security.Cryptography;
using Mesh.Integrity;

namespace Mesh.Cli.Auditing;

/// <summary>Checks a log entry by entry, in order, against the checkpoint that its keys signed and one that was verified before.</summary>
/// <param name="tenant">Whose log it should be.</param>
/// <param name="now">The newest checkpoint.</param>
/// <param name="before">The last one that was verified here, if any.</param>
internal sealed class LogCheck(string tenant, Checkpoint now, Checkpoint? before)
{
    private const int FindingsMax = 1_000;

    private readonly Frontier frontier = new();
    private readonly List<Finding> findings = [];
    private CustodyCheck? custody;

    public IReadOnlyList<Finding> Findings => findings;

    public long Entries => frontier.Size;

    /// <summary>Payloads that were erased. Their leaves still prove that they were there.</summary>
    public long Erased { get; private set; }

    public int Intents => Custody.Intents;

    public int OpenIntents => Custody.Open;

    public static Finding Shrunk(long sizeBefore, long size) =>
        new(-1, "SHRUNK", $"The log had {sizeBefore} entries when it was verified last, and has {size} now.");

    private CustodyCheck Custody => custody ??= new CustodyCheck(Add);

    /// <summary>Takes the next entry. False: the order is lost and nothing further can be checked.</summary>
    public bool Take(Audit.V1.Entry entry)
    {
        if (entry.Index != frontier.Size)
        {
            Add(new Finding(frontier.Size, "MISSING", $"Entry {frontier.Size} is missing; the log goes on with {entry.Index}."));
            return false;
        }

        var hash = MerkleTree.LeafHash(entry.Leaf.Span);
        if (!entry.LeafHash.Span.SequenceEqual(hash.ToArray()))
        {
            Add(new Finding(entry.Index, "LEAF_HASH", "The leaf is not the one whose hash stands beside it."));
        }

        frontier.Append(hash);
        CompareWithBefore();
        CheckContent(entry);
        return true;
    }

    /// <summary>Compares what was read with what was signed.</summary>
    public void Finish()
    {
        if (frontier.Size != now.Size)
        {
            Add(new Finding(frontier.Size, "MISSING", $"The checkpoint is of {now.Size} entries, and the log shows {frontier.Size}."));
        }
        else if (frontier.Root != now.Root)
        {
            Add(new Finding(-1, "ROOT", "The entries do not have the root that the checkpoint signs: one was changed, or another was signed."));
        }

        if (before is not null && before.Size > now.Size)
        {
            Add(Shrunk(before.Size, now.Size));
        }
    }

    private void CompareWithBefore()
    {
        if (before is not null && frontier.Size == before.Size && frontier.Root != before.Root)
        {
            Add(new Finding(-1, "FORKED", $"The first {before.Size} entries are not those that were verified before: history was rewritten."));
        }
    }

    private void CheckContent(Audit.V1.Entry entry)
    {
        if (LogLeaf.Read(entry.Leaf.Memory) is not { } leaf)
        {
            Add(new Finding(entry.Index, "LEAF", "The leaf is not the JSON of a leaf."));
            return;
        }

        if (leaf.Tenant != tenant || leaf.Kind != entry.Kind || leaf.Task != entry.TaskId)
        {
            Add(new Finding(entry.Index, "LABELS", "What is shown beside the leaf (tenant, kind, task) is not what it says."));
        }

        if (entry.Payload.IsEmpty)
        {
            Erased++;
        }
        else if (CommitmentTo(entry).ToString() != leaf.PayloadSha256)
        {
            Add(new Finding(entry.Index, "PAYLOAD", "The payload is not the one that the leaf commits to."));
        }

        Custody.Take(entry.Index, leaf);
    }

    private static Hash256 CommitmentTo(Audit.V1.Entry entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(entry.Salt.Span);
        hash.AppendData(entry.Payload.Span);
        return new Hash256(hash.GetHashAndReset());
    }

    private void Add(Finding finding)
    {
        // A log that is wrong everywhere is told by its first thousand places.
        if (findings.Count < FindingsMax)
        {
            findings.Add(finding);
        }
    }
}
