using System.Buffers.Binary;

namespace Mesh.Integrity;

/// <summary>Signs notes under a name.</summary>
public sealed class NoteSigner
{
    private readonly SigningKey key;

    /// <summary>A signer of that name. The key stays its owner's to dispose.</summary>
    /// <param name="name">Who signs. For a log, its origin.</param>
    /// <param name="key">The private key.</param>
    /// <exception cref="ArgumentException">The name is empty, or has white space or a plus.</exception>
    public NoteSigner(string name, SigningKey key)
    {
        this.key = key;
        Verifier = new NoteVerifier(name, key.PublicKey.Span);
    }

    /// <summary>Who signs.</summary>
    public string Name => Verifier.Name;

    /// <summary>What others need to verify this signer's notes.</summary>
    public NoteVerifier Verifier { get; }

    /// <summary>The name and key id; never the private key.</summary>
    public override string ToString() => $"{Name}+{Verifier.KeyId:x8}";

    internal string SignatureLine(ReadOnlySpan<byte> text)
    {
        Span<byte> signature = stackalloc byte[SignedNote.SignatureLength];
        BinaryPrimitives.WriteUInt32BigEndian(signature, Verifier.KeyId);
        key.Sign(text, signature[4..]);
        return $"— {Name} {Convert.ToBase64String(signature)}\n";
    }
}
