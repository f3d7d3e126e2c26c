using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace Mesh.Integrity;

/// <summary>What a token is for.</summary>
public enum TokenKind
{
    /// <summary><c>mlt_</c>: a lease on a credential, for one action.</summary>
    Lease,

    /// <summary><c>mesh_</c>: access for a person or a system. Ends in a checksum, so that scanners and typing errors are told apart before any lookup.</summary>
    Access,
}

/// <summary>A bearer token of 256 random bits. Its text leaves only through <see cref="Reveal"/>; stores keep a hash.</summary>
public sealed class OpaqueToken
{
    private const int BodyBytes = 32;
    private const int BodyLength = 43;
    private const int ChecksumLength = 6;
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly string text;

    private OpaqueToken(TokenKind kind, string text)
    {
        Kind = kind;
        this.text = text;
    }

    /// <summary>What the token is for.</summary>
    public TokenKind Kind { get; }

    /// <summary>A new token.</summary>
    public static OpaqueToken Generate(TokenKind kind)
    {
        Span<byte> random = stackalloc byte[BodyBytes];
        RandomNumberGenerator.Fill(random);
        var body = Base64Url.EncodeToString(random);
        CryptographicOperations.ZeroMemory(random);

        return new OpaqueToken(kind, Prefix(kind) + body + Checksum(kind, body));
    }

    /// <summary>Reads a token of one kind. What it refuses was never issued, so it need not be looked up.</summary>
    public static bool TryParse(string? text, TokenKind kind, [NotNullWhen(true)] out OpaqueToken? token)
    {
        token = null;
        var prefix = Prefix(kind);
        Span<byte> random = stackalloc byte[BodyBytes];

        if (text is null
            || text.Length != prefix.Length + BodyLength + (kind == TokenKind.Access ? ChecksumLength : 0)
            || !text.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var body = text.AsSpan(prefix.Length, BodyLength);
        var ok = StrictBase64.TryDecodeUrl(body, random) && text.AsSpan(prefix.Length + BodyLength).SequenceEqual(Checksum(kind, body));
        CryptographicOperations.ZeroMemory(random);

        token = ok ? new OpaqueToken(kind, text) : null;
        return ok;
    }

    /// <summary>The token's text, to hand to its owner. MUST NOT be stored or logged.</summary>
    public string Reveal() => text;

    /// <summary>SHA-256 of the text: what a store keeps to look it up by.</summary>
    public Hash256 Hash() => Hash256.Of(Encoding.ASCII.GetBytes(text));

    /// <summary>HMAC-SHA-256 of the text: as <see cref="Hash"/>, and useless to whoever has the store but not the pepper.</summary>
    public Hash256 Mac(ReadOnlySpan<byte> pepper)
    {
        Span<byte> mac = stackalloc byte[Hash256.Size];
        HMACSHA256.HashData(pepper, Encoding.ASCII.GetBytes(text), mac);
        return new Hash256(mac);
    }

    /// <summary>Whether this is the token of that hash, in a time that does not tell how close a wrong one was.</summary>
    public bool Matches(Hash256 hash) => Hash256.FixedTimeEquals(Hash(), hash);

    /// <summary>Whether this is the token of that keyed hash, in a time that does not tell how close a wrong one was.</summary>
    public bool Matches(Hash256 mac, ReadOnlySpan<byte> pepper) => Hash256.FixedTimeEquals(Mac(pepper), mac);

    /// <summary>The prefix only.</summary>
    public override string ToString() => Prefix(Kind) + "***";

    private static string Prefix(TokenKind kind) => kind switch
    {
        TokenKind.Lease => "mlt_",
        TokenKind.Access => "mesh_",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    // A lease is read by machines only and lives a minute: nothing is gained by a checksum there.
    private static string Checksum(TokenKind kind, ReadOnlySpan<char> body)
    {
        if (kind != TokenKind.Access)
        {
            return "";
        }

        Span<byte> ascii = stackalloc byte[BodyLength];
        Encoding.ASCII.GetBytes(body, ascii);
        var rest = Crc32.HashToUInt32(ascii);
        Span<char> digits = stackalloc char[ChecksumLength];

        for (var i = ChecksumLength - 1; i >= 0; i--)
        {
            digits[i] = Base62[(int)(rest % 62)];
            rest /= 62;
        }

        return new string(digits);
    }
}
