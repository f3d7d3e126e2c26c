using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace Mesh.Integrity;

/// <summary>The inside of JSON strings: escapes undone, and the order of keys.</summary>
internal static class JsonText
{
    /// <summary>Appends the plain UTF-8 of an escaped string; false for half of a surrogate pair.</summary>
    /// <param name="escaped">The inside of a string that a JSON reader has accepted: its escapes are whole.</param>
    /// <param name="plain">Where the plain bytes go.</param>
    public static bool TryUnescape(ReadOnlySpan<byte> escaped, JsonBuffer plain)
    {
        while (escaped.IndexOf((byte)'\\') is var at and >= 0)
        {
            plain.Write(escaped[..at]);
            var kind = escaped[at + 1];

            if (kind != 'u')
            {
                plain.Write(Plain(kind));
                escaped = escaped[(at + 2)..];
                continue;
            }

            var unit = CodeUnit(escaped[(at + 2)..]);
            escaped = escaped[(at + 6)..];

            if (!char.IsSurrogate(unit))
            {
                WriteRune(new Rune(unit), plain);
                continue;
            }

            // A pair can only be spelt by two escapes in a row: UTF-8 itself has no surrogates.
            if (!escaped.StartsWith("\\u"u8) || !Rune.TryCreate(unit, CodeUnit(escaped[2..]), out var pair))
            {
                return false;
            }

            WriteRune(pair, plain);
            escaped = escaped[6..];
        }

        plain.Write(escaped);
        return true;
    }

    /// <summary>Compares two UTF-8 texts as UTF-16 code units, the order of RFC 8785.</summary>
    public static int CompareAsUtf16(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var same = left.CommonPrefixLength(right);

        if (same == left.Length || same == right.Length)
        {
            return left.Length - right.Length;
        }

        var (l, r) = (left[same], right[same]);

        // The two orders differ in one place: surrogates (4 bytes in UTF-8, leads from 0xF0) sort before
        // U+E000..U+FFFF (leads 0xEE and 0xEF). Bytes that high are leads, never continuations.
        if (l >= 0xEE && r >= 0xEE && (l >= 0xF0) != (r >= 0xF0))
        {
            return r - l;
        }

        return l - r;
    }

    private static byte Plain(byte kind) => kind switch
    {
        (byte)'b' => (byte)'\b',
        (byte)'t' => (byte)'\t',
        (byte)'n' => (byte)'\n',
        (byte)'f' => (byte)'\f',
        (byte)'r' => (byte)'\r',
        _ => kind,
    };

    // The reader has seen to it that these are four hex digits.
    private static char CodeUnit(ReadOnlySpan<byte> hex) =>
        Utf8Parser.TryParse(hex[..4], out ushort unit, out _, 'X') ? (char)unit : throw new UnreachableException();

    private static void WriteRune(Rune rune, JsonBuffer plain) => plain.Advance(rune.EncodeToUtf8(plain.Room(4)));
}
