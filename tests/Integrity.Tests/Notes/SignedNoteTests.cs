using System.Text;
using Mesh.Integrity;

namespace Integrity.Tests.Notes;

/// <summary>The vectors are those of golang/mod (<c>sumdb/note/note_test.go</c>) and of the C2SP signed-note specification.</summary>
public sealed class SignedNoteTests
{
    private const string Vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    private const string Skey = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    private const string Text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    private const string Line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    private const string EnochVkey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    private const string EnochLine = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    private static readonly NoteVerifier Peter = NoteVerifier.Parse(Vkey);
    private static readonly NoteVerifier Enoch = NoteVerifier.Parse(EnochVkey);

    [Fact]
    public void Signing_gives_the_published_note_byte_by_byte()
    {
        using var key = SigningKey.FromSeed(Convert.FromBase64String(Skey).AsSpan(1));
        var signer = new NoteSigner("PeterNeumann", key);

        var note = SignedNote.Sign(Text, signer);

        Assert.Equal(Text + "\n" + Line, Encoding.UTF8.GetString(note));
        Assert.Equal(Vkey, signer.Verifier.ToString());
    }

    [Theory]
    [InlineData(Vkey, Text + "\n" + Line, Text, "PeterNeumann")]
    [InlineData(
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        "This is an example message.\n",
        "example.com/foo")]
    public void A_published_note_opens(string vkey, string note, string text, string signer)
    {
        var opened = SignedNote.TryOpen(Encoding.UTF8.GetBytes(note), [NoteVerifier.Parse(vkey)], out var read, out var by, out var reason);

        Assert.True(opened);
        Assert.Equal((text, signer, NoteRefusal.None), (read, by, reason));
    }

    [Fact]
    public void Unknown_signatures_beside_a_known_one_are_ignored()
    {
        Assert.Equal(NoteRefusal.None, Open(Text + "\n" + Line + EnochLine, Peter));
        Assert.Equal(NoteRefusal.None, Open(Text + "\n" + EnochLine + Line, Peter));
        Assert.Equal(NoteRefusal.None, Open(Text + "\n" + Line + Line, Peter, Enoch));
        Assert.Equal(NoteRefusal.UnknownSigner, Open(Text + "\n" + Line + EnochLine));
        Assert.Equal(NoteRefusal.UnknownSigner, Open(Text + "\n" + EnochLine, Peter));
    }

    [Fact]
    public void A_known_signature_that_is_wrong_spoils_the_note_even_beside_a_right_one()
    {
        var wrong = Line.Replace("x08go/ZJ", "x08go/ZK", StringComparison.Ordinal);

        Assert.Equal(NoteRefusal.InvalidSignature, Open(Text + "\n" + wrong, Peter));
        Assert.Equal(NoteRefusal.InvalidSignature, Open(Text + "\n" + EnochLine + wrong, Peter, Enoch));
        Assert.Equal(NoteRefusal.InvalidSignature, Open(Text + "\n" + Line[..60] + "ABCD" + Line[60..], Peter));
        Assert.Equal(NoteRefusal.InvalidSignature, Open("Not " + Text + "\n" + Line, Peter));
    }

    [Fact]
    public void A_key_of_the_same_bytes_under_another_name_is_unknown()
    {
        Assert.Equal(NoteRefusal.UnknownSigner, Open(Text + "\n" + Line.Replace("PeterNeumann", "CarmenSandiego", StringComparison.Ordinal), Peter));
        Assert.Equal(NoteRefusal.UnknownSigner, Open(Text + "\n" + Line.Replace("x08g", "xxxx", StringComparison.Ordinal), Peter));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData(Text)]
    [InlineData(Text + "\n")]
    [InlineData(Text + Line)]
    [InlineData("\u0001" + Text + "\n" + Line)]
    [InlineData("a\rb\n\n" + Line)]
    [InlineData("a\tb\n\n" + Line)]
    [InlineData(Text + "\n" + "— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n")]
    [InlineData(Text + "\n" + "— a+b x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n")]
    [InlineData(Text + "\n" + "—  x08go/ZJ\n")]
    [InlineData(Text + "\n" + "— a\u00a0b x08go/ZJ\n")]
    [InlineData(Text + "\n" + "- PeterNeumann x08go/ZJ\n")]
    [InlineData(Text + "\n" + "— PeterNeumann\n")]
    [InlineData(Text + "\n" + "— PeterNeumann \n")]
    [InlineData(Text + "\n" + "— PeterNeumann x08g\n")]
    [InlineData(Text + "\n" + "— PeterNeumann x08go/ZJ \n")]
    [InlineData(Text + "\n" + "— PeterNeumann x08go/Z=\n")]
    [InlineData(Text + "\n" + "— PeterNeumann x08go/ZJk\n ")]
    [InlineData(Text + "\n" + Line + "Unexpected line.\n")]
    [InlineData(Text + "\n" + Line + "\n")]
    public void What_has_not_the_form_of_a_note_is_malformed(string note)
    {
        Assert.Equal(NoteRefusal.Malformed, Open(note, Peter));
    }

    [Fact]
    public void A_note_without_its_last_newline_or_with_bytes_that_are_no_text_is_malformed()
    {
        Assert.Equal(NoteRefusal.Malformed, Open((Text + "\n" + Line)[..^1], Peter));
        Assert.Equal(NoteRefusal.Malformed, Open([0xff, .. Encoding.UTF8.GetBytes(Text + "\n" + Line)], Peter));
    }

    [Fact]
    public void Sixteen_signatures_are_read_and_seventeen_refused()
    {
        Assert.Equal(NoteRefusal.None, Open(Text + "\n" + string.Concat(Enumerable.Repeat(EnochLine, 15)) + Line, Peter));
        Assert.Equal(NoteRefusal.Malformed, Open(Text + "\n" + string.Concat(Enumerable.Repeat(EnochLine, 16)) + Line, Peter));
    }

    [Fact]
    public void A_text_of_somebody_else_with_an_empty_line_is_cut_at_the_last_one()
    {
        using var key = SigningKey.FromSeed(new byte[32]);
        var signer = new NoteSigner("me", key);
        var text = "a\n\nb\n";

        var note = text + "\n" + signer.SignatureLine(Encoding.UTF8.GetBytes(text));

        Assert.Equal(NoteRefusal.None, Open(note, signer.Verifier));
    }

    [Fact]
    public void A_note_over_64_KiB_is_refused_unread_and_never_written()
    {
        using var key = SigningKey.FromSeed(new byte[32]);
        var signer = new NoteSigner("me", key);
        var longest = new string('x', SignedNote.BytesMax - SignedNote.Sign("\u0020\n", signer).Length + 1) + "\n";

        Assert.Equal(SignedNote.BytesMax, SignedNote.Sign(longest, signer).Length);
        Assert.Equal(NoteRefusal.None, Open(SignedNote.Sign(longest, signer), signer.Verifier));
        Assert.Throws<ArgumentException>(() => SignedNote.Sign("x" + longest, signer));
        Assert.Equal(NoteRefusal.TooLarge, Open([.. "x"u8, .. SignedNote.Sign(longest, signer)], signer.Verifier));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no newline")]
    [InlineData("\n")]
    [InlineData("an empty\n\nline\n")]
    [InlineData("a return\r\n")]
    public void A_text_that_others_might_cut_elsewhere_is_not_signed(string text)
    {
        using var key = SigningKey.FromSeed(new byte[32]);

        Assert.Throws<ArgumentException>(() => SignedNote.Sign(text, new NoteSigner("me", key)));
    }

    [Fact]
    public void No_part_and_no_mangling_of_a_verification_key_is_one()
    {
        for (var start = 0; start <= Vkey.Length; start++)
        {
            for (var end = start; end <= Vkey.Length; end++)
            {
                Assert.Equal(start == 0 && end == Vkey.Length, NoteVerifier.TryParse(Vkey[start..end], out _));
            }
        }

        for (var at = 0; at < Vkey.Length; at++)
        {
            Assert.False(NoteVerifier.TryParse(Vkey[..at] + (char)(Vkey[at] + 1) + Vkey[(at + 1)..], out _));
        }

        Assert.False(NoteVerifier.TryParse(null, out _));
        Assert.False(NoteVerifier.TryParse("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", out _));
        Assert.False(NoteVerifier.TryParse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", out _));
    }

    [Fact]
    public void A_signing_key_erases_the_seed_that_it_was_given_and_prints_nothing()
    {
        using var seed = SigningKey.GenerateSeed();
        var copy = seed.Span.ToArray();

        using var key = SigningKey.FromSeed(copy.AsSpan());
        using var same = SigningKey.FromSeed(seed);

        Assert.All(copy, b => Assert.Equal(0, b));
        Assert.True(key.PublicKey.Span.SequenceEqual(same.PublicKey.Span));
        Assert.Equal("***", key.ToString());
        Assert.Throws<ArgumentException>(() => SigningKey.FromSeed(new byte[31]));
        Assert.Throws<ArgumentException>(() => new NoteSigner("two words", key));
    }

    private static NoteRefusal Open(string note, params NoteVerifier[] verifiers) => Open(Encoding.UTF8.GetBytes(note), verifiers);

    private static NoteRefusal Open(byte[] note, params NoteVerifier[] verifiers)
    {
        var opened = SignedNote.TryOpen(note, verifiers, out var text, out var signer, out var reason);

        Assert.Equal(opened, reason == NoteRefusal.None);
        Assert.Equal(opened, text is not null && signer is not null);
        return reason;
    }
}
