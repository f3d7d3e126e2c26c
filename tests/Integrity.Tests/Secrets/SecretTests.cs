using Mesh.Integrity;

namespace Integrity.Tests.Secrets;

public sealed class SecretTests
{
    [Theory]
    [InlineData(TokenKind.Lease, "mlt_", 47)]
    [InlineData(TokenKind.Access, "mesh_", 54)]
    public void A_new_token_is_read_again_and_no_two_are_the_same(TokenKind kind, string prefix, int length)
    {
        var tokens = Enumerable.Range(0, 200).Select(_ => OpaqueToken.Generate(kind)).ToArray();

        Assert.Equal(tokens.Length, tokens.Select(t => t.Reveal()).Distinct().Count());
        Assert.All(tokens, token =>
        {
            Assert.StartsWith(prefix, token.Reveal(), StringComparison.Ordinal);
            Assert.Equal(length, token.Reveal().Length);
            Assert.True(OpaqueToken.TryParse(token.Reveal(), kind, out var read));
            Assert.Equal(token.Hash(), read.Hash());
        });
    }

    [Fact]
    public void The_checksum_is_the_CRC_of_the_body_in_base_62()
    {
        // zlib: CRC-32 of 43 times 'A' is 0x0c2b5986.
        Assert.True(OpaqueToken.TryParse("mesh_" + new string('A', 43) + "0DofJ8", TokenKind.Access, out _));
    }

    [Fact]
    public void A_typing_error_in_an_access_token_is_seen_without_a_lookup()
    {
        var text = OpaqueToken.Generate(TokenKind.Access).Reveal();

        for (var at = 0; at < text.Length; at++)
        {
            var typed = text[..at] + (text[at] == 'x' ? 'y' : 'x') + text[(at + 1)..];

            Assert.False(OpaqueToken.TryParse(typed, TokenKind.Access, out _), $"changed at {at}");
            Assert.False(OpaqueToken.TryParse(text.Remove(at, 1), TokenKind.Access, out _));
        }
    }

    [Fact]
    public void What_is_no_token_of_the_kind_is_refused()
    {
        var lease = OpaqueToken.Generate(TokenKind.Lease).Reveal();
        string?[] wrong = [null, "", "mlt_", lease + "A", lease[..^1], lease.ToUpperInvariant(), " " + lease[1..], lease[..^1] + "=", lease[..^1] + "é", OpaqueToken.Generate(TokenKind.Access).Reveal()];

        Assert.All(wrong, text => Assert.False(OpaqueToken.TryParse(text, TokenKind.Lease, out _), text));
        Assert.False(OpaqueToken.TryParse(lease, TokenKind.Access, out _));
    }

    [Fact]
    public void A_token_has_one_spelling()
    {
        // The last of 43 characters carries four bits; the two below them must be zero.
        Assert.True(OpaqueToken.TryParse("mlt_" + new string('A', 43), TokenKind.Lease, out _));
        Assert.False(OpaqueToken.TryParse("mlt_" + new string('A', 42) + "B", TokenKind.Lease, out _));
    }

    [Fact]
    public void Stores_keep_hashes_that_match_only_their_token_and_pepper()
    {
        var token = OpaqueToken.Generate(TokenKind.Lease);
        var other = OpaqueToken.Generate(TokenKind.Lease);

        Assert.True(token.Matches(token.Hash()));
        Assert.False(other.Matches(token.Hash()));
        Assert.True(token.Matches(token.Mac("pepper"u8), "pepper"u8));
        Assert.False(token.Matches(token.Mac("pepper"u8), "salt"u8));
        Assert.False(other.Matches(token.Mac("pepper"u8), "pepper"u8));
        Assert.NotEqual(token.Hash(), token.Mac("pepper"u8));
        Assert.Equal(Hash256.Of("mlt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"u8), Zero().Hash());
        Assert.Equal("mlt_***", token.ToString());
    }

    [Fact]
    public void Secret_bytes_are_zeroed_when_disposed_and_never_printed()
    {
        byte[] source = [1, 2, 3];
        var secret = SecretBytes.Take(source);
        var span = secret.Span;

        Assert.Equal([0, 0, 0], source);
        Assert.True(secret.FixedTimeEquals([1, 2, 3]));
        Assert.False(secret.FixedTimeEquals([1, 2, 4]));
        Assert.Equal("***", secret.ToString());

        secret.Dispose();

        Assert.Equal([0, 0, 0], span.ToArray());
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
        secret.Dispose();
    }

    [Fact]
    public void Secret_bytes_are_written_in_place_and_copies_leave_their_source()
    {
        byte[] source = [7, 8];
        using var copy = SecretBytes.CopyOf(source);
        using var made = SecretBytes.Create(2, source, (bytes, from) => from.CopyTo(bytes));
        using var random = SecretBytes.Random(32);
        using var otherRandom = SecretBytes.Random(32);

        Assert.Equal([7, 8], source);
        Assert.True(copy.FixedTimeEquals(made.Span));
        Assert.False(random.FixedTimeEquals(otherRandom.Span));
        Assert.Throws<InvalidOperationException>(() => SecretBytes.Create(1, 0, (_, _) => throw new InvalidOperationException()));
    }

    private static OpaqueToken Zero() => OpaqueToken.TryParse("mlt_" + new string('A', 43), TokenKind.Lease, out var token) ? token : throw new FormatException();
}
