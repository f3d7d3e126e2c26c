using System.Security.Cryptography;
using NSec.Cryptography;

namespace Mesh.Integrity;

/// <summary>An Ed25519 private key. It lives in memory that the crypto library guards, and cannot be read back.</summary>
public sealed class SigningKey : IDisposable
{
    /// <summary>The length of a seed in bytes.</summary>
    public const int SeedLength = 32;

    private readonly Key key;

    private SigningKey(Key key)
    {
        this.key = key;
        PublicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>The raw 32-byte public key.</summary>
    public ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>A new seed, from which <see cref="FromSeed(SecretBytes)"/> makes the key. It is the private key: store it 0400.</summary>
    public static SecretBytes GenerateSeed() => SecretBytes.Random(SeedLength);

    /// <summary>The key of a seed. The seed is zeroed.</summary>
    /// <exception cref="ArgumentException">The seed does not have 32 bytes.</exception>
    public static SigningKey FromSeed(Span<byte> seed)
    {
        if (seed.Length != SeedLength)
        {
            throw new ArgumentException($"A seed has {SeedLength} bytes, not {seed.Length}.", nameof(seed));
        }

        try
        {
            return Import(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>The key of a seed, which stays its owner's to dispose.</summary>
    /// <exception cref="ArgumentException">The seed does not have 32 bytes.</exception>
    public static SigningKey FromSeed(SecretBytes seed) => seed.Length == SeedLength
        ? Import(seed.Span)
        : throw new ArgumentException($"A seed has {SeedLength} bytes, not {seed.Length}.", nameof(seed));

    /// <summary>Erases the key.</summary>
    public void Dispose() => key.Dispose();

    /// <summary>Never the key.</summary>
    public override string ToString() => "***";

    internal void Sign(ReadOnlySpan<byte> message, Span<byte> signature) => SignatureAlgorithm.Ed25519.Sign(key, message, signature);

    private static SigningKey Import(ReadOnlySpan<byte> seed) =>
        new(Key.Import(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey));
}
