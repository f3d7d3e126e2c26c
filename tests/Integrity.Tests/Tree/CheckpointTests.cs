using System.Text;
using Mesh.Integrity;

namespace Integrity.Tests.Tree;

public sealed class CheckpointTests
{
    private static readonly NoteSigner Log = new("mesh.local/audit/acme", SigningKey.FromSeed(Enumerable.Repeat((byte)9, 32).ToArray()));
    private static readonly Checkpoint Head = new("mesh.local/audit/acme", 20852163, Hash256.Of("root"u8));

    [Fact]
    public void A_checkpoint_is_read_as_its_log_signed_it()
    {
        var note = Head.Sign(Log);

        Assert.True(Checkpoint.TryVerify(note, [Log.Verifier], out var read));
        Assert.Equal(Head, read);
        Assert.StartsWith($"mesh.local/audit/acme\n20852163\n{Head.Root.ToBase64()}\n\n— mesh.local/audit/acme ", Encoding.UTF8.GetString(note), StringComparison.Ordinal);
    }

    [Fact]
    public void The_empty_tree_has_a_checkpoint()
    {
        var empty = new Checkpoint("log.example", 0, MerkleTree.EmptyRoot);

        Assert.True(Checkpoint.TryParse(empty.ToText(), out var read));
        Assert.Equal(empty, read);
    }

    [Fact]
    public void Only_the_log_itself_signs_its_checkpoints()
    {
        var other = Head with { Origin = "mesh.local/audit/other" };
        var stolen = SignedNote.Sign(other.ToText(), Log);

        Assert.Throws<ArgumentException>(() => other.Sign(Log));
        Assert.False(Checkpoint.TryVerify(stolen, [Log.Verifier], out _));
        Assert.False(Checkpoint.TryVerify(Head.Sign(Log), [], out _));
    }

    [Fact]
    public void A_text_that_is_not_exactly_a_checkpoint_is_refused()
    {
        var root = Head.Root.ToBase64();

        string[] wrong =
        [
            "", "\n\n\n", $"log\n1\n{root}", $"log\n01\n{root}\n", $"log\n+1\n{root}\n", $"log\n-1\n{root}\n", $"log\n1 \n{root}\n", $"log\n\n{root}\n",
            $"log\n9223372036854775808\n{root}\n", $"\n1\n{root}\n", $"a log\n1\n{root}\n", $"a+log\n1\n{root}\n", $"log\n1\n{root}\nextension\n",
            $"log\n1\n{root[..^4]}\n", $"log\n1\n{root} \n", $"log\r\n1\r\n{root}\r\n", $"log\n1\n{root}\n\n",
        ];

        Assert.True(Checkpoint.TryParse($"log\n1\n{root}\n", out _));
        Assert.All(wrong, text => Assert.False(Checkpoint.TryParse(text, out _), text));
    }
}
