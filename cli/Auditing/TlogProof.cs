using System.Globalization;
using System.Text;
using Mesh.Integrity;

namespace Mesh.Cli.Auditing;

/// <summary>The proof that a leaf is in a signed log, as one text (C2SP tlog-proof v1) that any verifier of the format reads.</summary>
internal static class TlogProof
{
    private const string Format = "c2sp.org/tlog-proof@v1";

    /// <summary>Writes the text, or says why it would prove nothing.</summary>
    public static (string? Text, string? Refusal) Write(Audit.V1.GetInclusionProofResponse proof, IReadOnlyList<NoteVerifier> keys)
    {
        if (!Checkpoint.TryVerify(Encoding.UTF8.GetBytes(proof.Checkpoint), keys, out var checkpoint) || checkpoint.Size != proof.TreeSize)
        {
            return (null, "no trusted key signed its checkpoint");
        }

        if (proof.Hashes.Any(hash => hash.Length != Hash256.Size))
        {
            return (null, "a hash of the proof has not 32 bytes");
        }

        var hashes = proof.Hashes.Select(hash => new Hash256(hash.Span)).ToList();
        var leafHash = MerkleTree.LeafHash(proof.Entry.Leaf.Span);
        if (!MerkleTree.VerifyInclusion(proof.Entry.Index, checkpoint.Size, leafHash, hashes, checkpoint.Root))
        {
            return (null, "the leaf is not at that place of the signed tree");
        }

        var text = new StringBuilder(Format).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"index {proof.Entry.Index}\n");
        foreach (var hash in hashes)
        {
            text.Append(hash.ToBase64()).Append('\n');
        }

        return (text.Append('\n').Append(proof.Checkpoint).ToString(), null);
    }
}
