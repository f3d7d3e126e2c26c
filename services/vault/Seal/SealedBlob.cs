using System.Security.Cryptography;
using Mesh.Integrity;

namespace Mesh.Vault.Seal;

/// <summary>Bytes under AES-256-GCM: <c>"MV1" ‖ algorithm(1) ‖ key id(16) ‖ nonce(12) ‖ ciphertext ‖ tag(16)</c>.</summary>
/// <remarks>The place of the value is authenticated with it, so a row that was moved does not open.</remarks>
internal static class SealedBlob
{
    public const int KeyBytes = 32;
    public const int Overhead = HeaderBytes + NonceBytes + TagBytes;

    private const int HeaderBytes = 3 + 1 + 16;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const byte Aes256Gcm = 0x01;

    public static byte[] Seal(ReadOnlySpan<byte> key, Guid keyId, ReadOnlySpan<byte> value, ReadOnlySpan<byte> place)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        RandomNumberGenerator.Fill(nonce);
        return Seal(key, keyId, value, place, nonce);
    }

    /// <summary>With a given nonce, for known answers only: a nonce that comes twice under one key gives both values away.</summary>
    internal static byte[] Seal(
        ReadOnlySpan<byte> key, Guid keyId, ReadOnlySpan<byte> value, ReadOnlySpan<byte> place, ReadOnlySpan<byte> nonce)
    {
        var blob = new byte[Overhead + value.Length];
        WriteHeader(blob, keyId);
        nonce.CopyTo(blob.AsSpan(HeaderBytes));

        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(nonce, value, blob.AsSpan(HeaderBytes + NonceBytes, value.Length), blob.AsSpan(blob.Length - TagBytes), place);
        return blob;
    }

    /// <summary>Opens a blob that was sealed for this place under this key.</summary>
    /// <exception cref="SealBrokenException">A byte of it, its place or its key is another.</exception>
    public static SecretBytes Open(ReadOnlySpan<byte> key, Guid keyId, byte[] blob, byte[] place)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        WriteHeader(header, keyId);

        if (blob.Length < Overhead || !blob.AsSpan(0, HeaderBytes).SequenceEqual(header))
        {
            throw new SealBrokenException();
        }

        using var aes = new AesGcm(key, TagBytes);

        try
        {
            return SecretBytes.Create(blob.Length - Overhead, (aes, blob, place), static (value, sealing) => sealing.aes.Decrypt(
                sealing.blob.AsSpan(HeaderBytes, NonceBytes),
                sealing.blob.AsSpan(HeaderBytes + NonceBytes, value.Length),
                sealing.blob.AsSpan(sealing.blob.Length - TagBytes),
                value,
                sealing.place));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw new SealBrokenException();
        }
    }

    private static void WriteHeader(Span<byte> header, Guid keyId)
    {
        "MV1"u8.CopyTo(header);
        header[3] = Aes256Gcm;
        keyId.TryWriteBytes(header[4..], bigEndian: true, out _);
    }
}
