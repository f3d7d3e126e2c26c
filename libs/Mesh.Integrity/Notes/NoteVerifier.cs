using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using NSec.Cryptography;

namespace Mesh.Integrity;

/// <summary>Verifies the notes of one signer.</summary>
public sealed class NoteVerifier
{
    private readonly PublicKey key;
    private readonly byte[] raw;

    /// <summary>A verifier of that name and key.</summary>
    /// <param name="name">Who signs.</param>
    /// <param name="publicKey">The raw 32-byte Ed25519 public key.</param>
    /// <exception cref="ArgumentException">The name is empty, or has white space or a plus; or the key has another length.</exception>
    public NoteVerifier(string name, ReadOnlySpan<byte> publicKey)
    {
        if (!KeyName.IsValid(name))
        {
            throw new ArgumentException("A key name is not empty and has no white space and no plus.", nameof(name));
        }

        Name = name;
        KeyId = KeyName.IdOf(name, publicKey);
        key = PublicKey.TryImport(SignatureAlgorithm.Ed25519, publicKey, KeyBlobFormat.RawPublicKey, out var imported) && imported is not null
            ? imported
            : throw new ArgumentException("An Ed25519 public key has 32 bytes.", nameof(publicKey));
        raw = publicKey.ToArray();
    }

    /// <summary>Who signs.</summary>
    public string Name { get; }

    /// <summary>Tells the keys of one name apart. A hint, no proof.</summary>
    public uint KeyId { get; }

    /// <summary>The verifier of a <c>name+hex+base64</c> line.</summary>
    /// <exception cref="FormatException">It is not of that form, or its key id does not fit.</exception>
    public static NoteVerifier Parse(string vkey) =>
        TryParse(vkey, out var verifier) ? verifier : throw new FormatException("This is not the verification key of an Ed25519 note.");

    /// <summary>The verifier of a <c>name+hex+base64</c> line.</summary>
    public static bool TryParse(string? vkey, [NotNullWhen(true)] out NoteVerifier? verifier)
    {
        verifier = null;

        // At most three parts: base64 may have a plus of its own.
        if (vkey?.Split('+', 3) is not [var name, { Length: 8 } id, var base64]
            || !KeyName.IsValid(name)
            || !uint.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var keyId)
            || !StrictBase64.TryDecode(base64, out var typed)
            || typed is not [KeyName.Ed25519, .. { Length: 32 } publicKey]
            || KeyName.IdOf(name, publicKey) != keyId)
        {
            return false;
        }

        verifier = new NoteVerifier(name, publicKey);
        return true;
    }

    /// <summary>The verification key as <c>name+hex+base64</c>, for trust files.</summary>
    public override string ToString() => $"{Name}+{KeyId:x8}+{Convert.ToBase64String([KeyName.Ed25519, .. raw])}";

    internal bool Verify(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature) =>
        signature.Length == SignedNote.SignatureLength - 4 && SignatureAlgorithm.Ed25519.Verify(key, text, signature);
}
