using System.Buffers;

namespace Mesh.Integrity;

/// <summary>A growing array of bytes that writes JSON's pieces in canonical form.</summary>
internal sealed class JsonBuffer(int capacity)
{
    private static readonly SearchValues<byte> Escaped =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(b => (byte)b), (byte)'"', (byte)'\\']);

    private byte[] bytes = new byte[capacity];

    public int Length { get; private set; }

    public int Capacity => bytes.Length;

    public ReadOnlySpan<byte> Written => bytes.AsSpan(0, Length);

    public Span<byte> Slice(int start, int end) => bytes.AsSpan(start, end - start);

    public void Truncate(int length) => Length = length;

    public void Write(byte value)
    {
        Room(1)[0] = value;
        Length++;
    }

    public void Write(ReadOnlySpan<byte> value)
    {
        value.CopyTo(Room(value.Length));
        Length += value.Length;
    }

    /// <summary>At least this many bytes to write into; <see cref="Advance"/> says how many were.</summary>
    public Span<byte> Room(int count)
    {
        if (bytes.Length - Length < count)
        {
            Array.Resize(ref bytes, Math.Max(checked(Length + count), (int)Math.Min(bytes.Length * 2L, Array.MaxLength)));
        }

        return bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    /// <summary>A string with its quotes, from its plain UTF-8.</summary>
    public void WriteString(ReadOnlySpan<byte> utf8)
    {
        Write((byte)'"');

        while (utf8.IndexOfAny(Escaped) is var at and >= 0)
        {
            Write(utf8[..at]);
            WriteEscape(utf8[at]);
            utf8 = utf8[(at + 1)..];
        }

        Write(utf8);
        Write((byte)'"');
    }

    private void WriteEscape(byte value)
    {
        switch (value)
        {
            case (byte)'"': Write("\\\""u8); break;
            case (byte)'\\': Write("\\\\"u8); break;
            case (byte)'\b': Write("\\b"u8); break;
            case (byte)'\t': Write("\\t"u8); break;
            case (byte)'\n': Write("\\n"u8); break;
            case (byte)'\f': Write("\\f"u8); break;
            case (byte)'\r': Write("\\r"u8); break;
            default:
                Write("\\u00"u8);
                Write((byte)(value < 0x10 ? '0' : '1'));
                Write("0123456789abcdef"u8[value & 0xF]);
                break;
        }
    }
}
