using System.Text;
using Mesh.Integrity;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Tests.Seal;

public sealed class SealedBlobTests
{
    private const string GoldenPlace =
        "0000000d6d6573682f7661756c742f76310000002430313839306135642d616339362d373734622d626363652d6233303230393961383035370000000461636d65" +
        "000000087061796d656e74730000000c7061796d656e74732d6b657900000001330000000576616c7565";

    // Made with two other implementations of AES-256-GCM (OpenSSL by way of Node.js and of Python).
    private const string GoldenBlob =
        "4d5631010198c0ffee007000800000000000000a6465666768696a6b6c6d6e6f3b70810a109f33c1590d338cbf0bbb41c0e4de3a987b0962f1909dee95ac";

    private static readonly Guid Instance = new("01890a5d-ac96-774b-bcce-b302099a8057");
    private static readonly Guid KeyId = new("0198c0ff-ee00-7000-8000-00000000000a");
    private static readonly SecretName Name = new("payments", "payments-key");
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Place = SealedPlace.Value("acme", Name, 3).In(Instance);

    [Fact]
    public void A_blob_and_its_place_are_the_bytes_that_other_implementations_make()
    {
        var blob = SealedBlob.Seal(Key, KeyId, "sk_live_golden"u8, Place, [.. Enumerable.Range(100, 12).Select(i => (byte)i)]);

        Assert.Equal(GoldenPlace, Convert.ToHexStringLower(Place));
        Assert.Equal(GoldenBlob, Convert.ToHexStringLower(blob));
        Assert.Equal("sk_live_golden", Encoding.ASCII.GetString(SealedBlob.Open(Key, KeyId, Convert.FromHexString(GoldenBlob), Place).Span));
    }

    [Fact]
    public void Every_single_changed_byte_and_every_shorter_blob_is_refused()
    {
        var blob = Convert.FromHexString(GoldenBlob);

        for (var i = 0; i < blob.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = blob.ToArray();
                changed[i] ^= (byte)(1 << bit);
                Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, KeyId, changed, Place));
            }

            Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, KeyId, blob[..i], Place));
        }

        Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, KeyId, [.. blob, 0], Place));
    }

    [Fact]
    public void A_blob_opens_at_no_other_place_and_in_no_other_instance()
    {
        var blob = Convert.FromHexString(GoldenBlob);

        byte[][] others =
        [
            SealedPlace.Value("acmf", Name, 3).In(Instance),
            SealedPlace.Value("acme", new SecretName("payments", "payments-kez"), 3).In(Instance),
            SealedPlace.Value("acme", new SecretName("payment", "spayments-key"), 3).In(Instance),
            SealedPlace.Value("acme", Name, 4).In(Instance),
            SealedPlace.DataKey("acme", Name, 3).In(Instance),
            SealedPlace.Value("acme", Name, 3).In(Guid.NewGuid()),
            [],
        ];

        Assert.All(others, other => Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, KeyId, blob, other)));
    }

    [Fact]
    public void Places_whose_parts_only_meet_at_another_border_differ()
    {
        var left = new SealedPlace("ab", "c", "d", 1, "value").In(Instance);
        var right = new SealedPlace("a", "bc", "d", 1, "value").In(Instance);

        Assert.NotEqual(left, right);
    }

    [Fact]
    public void Two_blobs_of_one_value_have_nothing_in_common_but_the_header()
    {
        using var value = SecretBytes.CopyOf("the same"u8);

        var first = SealedBlob.Seal(Key, KeyId, value.Span, Place);
        var second = SealedBlob.Seal(Key, KeyId, value.Span, Place);

        Assert.NotEqual(first[20..32], second[20..32]);
        Assert.NotEqual(first[32..], second[32..]);
    }
}
