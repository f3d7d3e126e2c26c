using Google.Protobuf;
using Mesh.Cli.Auditing;
using Mesh.Integrity;

namespace Cli.Tests.Auditing;

public sealed class TlogProofTests : IDisposable
{
    private readonly SampleLog log = new SampleLog().AddIntent().AddRequested().AddSettled();

    [Fact]
    public void A_proof_is_the_text_of_the_format()
    {
        var proof = log.Prove(1);

        var (text, refusal) = TlogProof.Write(proof, [log.Signer.Verifier]);

        Assert.Null(refusal);
        var lines = text!.Split('\n');
        Assert.Equal(["c2sp.org/tlog-proof@v1", "index 1"], lines[..2]);
        Assert.Equal(proof.Hashes.Select(hash => Convert.ToBase64String(hash.Span)), lines[2..4]);
        Assert.Equal("", lines[4]);
        Assert.Equal(proof.Checkpoint, string.Join('\n', lines[5..]));
    }

    [Fact]
    public void A_proof_that_proves_nothing_is_not_written()
    {
        var otherLeaf = log.Prove(1);
        otherLeaf.Entry = otherLeaf.Entry.Clone();
        otherLeaf.Entry.Leaf = ByteString.CopyFromUtf8("{}");
        var otherHash = log.Prove(1);
        otherHash.Hashes[0] = ByteString.CopyFrom(new byte[32]);
        var shortHash = log.Prove(1);
        shortHash.Hashes[0] = ByteString.CopyFrom(new byte[31]);
        using var stranger = new SampleLog();

        Assert.Null(TlogProof.Write(otherLeaf, [log.Signer.Verifier]).Text);
        Assert.Null(TlogProof.Write(otherHash, [log.Signer.Verifier]).Text);
        Assert.Null(TlogProof.Write(shortHash, [log.Signer.Verifier]).Text);
        Assert.Null(TlogProof.Write(log.Prove(1), [stranger.Signer.Verifier]).Text);
    }

    [Fact]
    public void A_checkpoint_that_was_seen_is_remembered_by_its_log_and_key()
    {
        var folder = Directory.CreateTempSubdirectory("mesh-seen-").FullName;
        try
        {
            var seen = new SeenCheckpoints(folder);
            using var stranger = new SampleLog();

            seen.Keep(log.Signer.Verifier, log.Prove(0).Checkpoint);

            Assert.Equal(log.Head(), seen.Find(log.Signer.Verifier));
            Assert.Null(seen.Find(stranger.Signer.Verifier));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_key_of_receipts_verifies_the_logs_of_the_same_installation_under_their_names()
    {
        using var seed = SigningKey.GenerateSeed();
        using var key = SigningKey.FromSeed(seed);
        var trust = new TrustedKeys([new NoteSigner("test.example/audit", key).Verifier], "here", true);

        var logKey = Assert.Single(trust.For("acme"));

        Assert.Equal(new NoteSigner("test.example/audit/acme", key).Verifier.ToString(), logKey.ToString());
    }

    public void Dispose() => log.Dispose();
}
