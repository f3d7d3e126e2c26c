using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Mesh.Integrity;

/// <summary>Names of note keys, and the four bytes that tell the keys of one name apart (C2SP signed-note).</summary>
internal static class KeyName
{
    /// <summary>The signature type of a plain Ed25519 note.</summary>
    public const byte Ed25519 = 0x01;

    /// <summary>Not empty, no white space, no plus, no control characters.</summary>
    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty)
        {
            return false;
        }

        foreach (var rune in name.EnumerateRunes())
        {
            // Half of a surrogate pair is enumerated as the replacement character.
            if (rune.Value == '+' || rune == Rune.ReplacementChar || Rune.IsWhiteSpace(rune) || Rune.IsControl(rune))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The first four bytes of SHA-256(name, newline, type, public key).</summary>
    public static uint IdOf(string name, ReadOnlySpan<byte> publicKey)
    {
        Span<byte> hash = stackalloc byte[Hash256.Size];
        SHA256.HashData([.. Encoding.UTF8.GetBytes(name), (byte)'\n', Ed25519, .. publicKey], hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash);
    }
}
