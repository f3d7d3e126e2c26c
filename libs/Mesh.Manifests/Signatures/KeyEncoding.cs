using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using Mesh.Integrity;

namespace Mesh.Manifests.Signatures;

/// <summary>How the secret that a sender gave out becomes the key of its signatures.</summary>
public enum KeyEncoding
{
    /// <summary>The bytes of the text are the key: 16 to 256 of them, none a control character.</summary>
    Text,

    /// <summary>Hex digits of 16 to 256 bytes.</summary>
    Hex,

    /// <summary>Base64 of 16 to 256 bytes.</summary>
    Base64,

    /// <summary><c>whsec_</c> and the base64 of 24 to 64 bytes, as the Standard Webhooks specification has it.</summary>
    Whsec,
}

/// <summary>Turns stored secrets into keys.</summary>
public static class KeyEncodings
{
    private const int StoredMax = 512;

    /// <summary>What a stored secret must be.</summary>
    public static string Limit(this KeyEncoding encoding) => encoding switch
    {
        KeyEncoding.Text => "must have 16 to 256 bytes, none of them a control character",
        KeyEncoding.Hex => "must be the hex digits of 16 to 256 bytes",
        KeyEncoding.Base64 => "must be the base64 of 16 to 256 bytes",
        KeyEncoding.Whsec => "must be whsec_ and the base64 of 24 to 64 bytes",
        _ => throw new ArgumentOutOfRangeException(nameof(encoding)),
    };

    /// <summary>The key, for the caller to dispose of; null when the stored secret is not of this form.</summary>
    public static SecretBytes? Decode(this KeyEncoding encoding, ReadOnlySpan<byte> stored)
    {
        if (stored.Length > StoredMax || (encoding == KeyEncoding.Whsec && !stored.StartsWith("whsec_"u8)))
        {
            return null;
        }

        // Decoded on the stack and erased: a signing secret must not stay behind in a string or an array.
        Span<byte> key = stackalloc byte[StoredMax];
        var (min, max) = encoding == KeyEncoding.Whsec ? (24, 64) : (16, 256);
        var length = encoding switch
        {
            KeyEncoding.Text => CopyText(stored, key),
            KeyEncoding.Hex => Convert.FromHexString(stored, key, out _, out var written) == OperationStatus.Done ? written : 0,
            KeyEncoding.Base64 => DecodeBase64(stored, key),
            KeyEncoding.Whsec => DecodeBase64(stored["whsec_"u8.Length..], key),
            _ => throw new ArgumentOutOfRangeException(nameof(encoding)),
        };

        var secret = length >= min && length <= max ? SecretBytes.CopyOf(key[..length]) : null;
        CryptographicOperations.ZeroMemory(key);
        return secret;
    }

    // A new line at the end is no part of a key, and nobody would see it.
    private static int CopyText(ReadOnlySpan<byte> stored, Span<byte> key)
    {
        if (stored.ContainsAnyInRange((byte)0, (byte)31) || stored.Contains((byte)127))
        {
            return 0;
        }

        stored.CopyTo(key);
        return stored.Length;
    }

    private static int DecodeBase64(ReadOnlySpan<byte> text, Span<byte> key) =>
        Base64.DecodeFromUtf8(text, key, out _, out var written) == OperationStatus.Done ? written : 0;
}
