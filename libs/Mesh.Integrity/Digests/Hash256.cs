using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mesh.Integrity;

/// <summary>32 bytes of SHA-256. A value, so that a hash of another length cannot be written down.</summary>
public readonly record struct Hash256
{
    /// <summary>The length in bytes.</summary>
    public const int Size = 32;

    private readonly ulong a;
    private readonly ulong b;
    private readonly ulong c;
    private readonly ulong d;

    /// <summary>Reads exactly 32 bytes.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public Hash256(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"A SHA-256 hash has {Size} bytes, not {bytes.Length}.", nameof(bytes));
        }

        a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    /// <summary>SHA-256 of these bytes.</summary>
    public static Hash256 Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(content, hash);
        return new Hash256(hash);
    }

    /// <summary>Reads 64 lower-case hex digits; nothing else is accepted.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> hex, out Hash256 hash)
    {
        Span<byte> bytes = stackalloc byte[Size];
        hash = default;

        if (hex.Length != Size * 2 || hex.ContainsAnyInRange('A', 'F')
            || Convert.FromHexString(hex, bytes, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        hash = new Hash256(bytes);
        return true;
    }

    /// <summary>Reads the one base64 form of 32 bytes; white space and stray bits are refused.</summary>
    public static bool TryParseBase64(ReadOnlySpan<char> base64, out Hash256 hash)
    {
        var ok = StrictBase64.TryDecode(base64, out var bytes) && bytes.Length == Size;
        hash = ok ? new Hash256(bytes) : default;
        return ok;
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], d);
    }

    /// <summary>The 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>The standard base64 form.</summary>
    public string ToBase64() => Convert.ToBase64String(ToArray());

    /// <summary>Equality in a time that does not tell where the two differ. For secrets; digests may use <c>==</c>.</summary>
    public static bool FixedTimeEquals(Hash256 left, Hash256 right) =>
        ((left.a ^ right.a) | (left.b ^ right.b) | (left.c ^ right.c) | (left.d ^ right.d)) == 0;

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());
}
