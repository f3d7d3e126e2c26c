using System.Buffers.Text;
using System.Text;

namespace Mesh.Toolrunner.Output;

/// <summary>Reads one character that is written as an escape: of JSON, of URLs, of HTML.</summary>
internal static class Escapes
{
    /// <summary>Reads the escape at this place, if there is one.</summary>
    /// <param name="text">Where to look.</param>
    /// <param name="at">The place.</param>
    /// <param name="plain">Room for the bytes that it means; 4 are enough.</param>
    /// <param name="length">How many bytes the escape has.</param>
    /// <param name="count">How many bytes it means.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, int at, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);

        if (at >= text.Length)
        {
            return false;
        }

        var here = text[at..];
        return here[0] switch
        {
            (byte)'\\' => TryReadJson(here, plain, out length, out count),
            (byte)'%' => TryReadPercent(here, plain, out length, out count),
            (byte)'&' => TryReadReference(here, plain, out length, out count),
            (byte)'+' => Plain((byte)' ', 1, plain, out length, out count),
            _ => false,
        };
    }

    /// <summary>Reads an escape whose own characters are JSON escapes, such as <c>\\u0026#x41;</c>.</summary>
    public static bool TryReadNested(ReadOnlySpan<byte> text, int at, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);

        if (at >= text.Length || text[at] != (byte)'\\')
        {
            return false;
        }

        Span<byte> window = stackalloc byte[12];
        Span<int> ends = stackalloc int[12];
        var (seen, next) = (0, at);

        while (seen < window.Length && next < text.Length)
        {
            if (text[next] != (byte)'\\')
            {
                window[seen] = text[next++];
            }
            else if (TryReadJson(text[next..], plain, out var written, out var meant) && meant == 1)
            {
                window[seen] = plain[0];
                next += written;
            }
            else
            {
                break;
            }

            ends[seen++] = next - at;
        }

        if (!TryRead(window[..seen], 0, plain, out var inner, out count))
        {
            return false;
        }

        length = ends[inner - 1];
        return true;
    }

    /// <summary>How many bytes a line break at this place has, plain or as a JSON escape; 0 for none.</summary>
    public static int LineBreak(ReadOnlySpan<byte> text, int at)
    {
        var here = text[Math.Min(at, text.Length)..];
        return here switch
        {
            [(byte)'\r' or (byte)'\n', ..] => 1,
            [(byte)'\\', (byte)'r' or (byte)'n', ..] => 2,
            _ => 0,
        };
    }

    private static bool TryReadJson(ReadOnlySpan<byte> here, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);

        if (here.Length < 2)
        {
            return false;
        }

        if (here[1] == (byte)'u')
        {
            return TryReadUnits(here, plain, out length, out count);
        }

        var meant = here[1] switch
        {
            (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'\'' => here[1],
            (byte)'b' => (byte)'\b',
            (byte)'t' => (byte)'\t',
            (byte)'n' => (byte)'\n',
            (byte)'f' => (byte)'\f',
            (byte)'r' => (byte)'\r',
            _ => (byte)0,
        };

        return meant != 0 && Plain(meant, 2, plain, out length, out count);
    }

    private static bool TryReadUnits(ReadOnlySpan<byte> here, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);

        if (!TryReadUnit(here, out var unit))
        {
            return false;
        }

        if (Rune.TryCreate(unit, out var rune))
        {
            length = 6;
        }
        else if (here.Length >= 12 && TryReadUnit(here[6..], out var low) && Rune.TryCreate(unit, low, out rune))
        {
            length = 12;
        }
        else
        {
            return false;
        }

        count = rune.EncodeToUtf8(plain);
        return true;
    }

    private static bool TryReadUnit(ReadOnlySpan<byte> here, out char unit)
    {
        unit = default;

        if (here is not [(byte)'\\', (byte)'u', _, _, _, _, ..] || !Utf8Parser.TryParse(here[2..6], out ushort value, out var read, 'X') || read != 4)
        {
            return false;
        }

        unit = (char)value;
        return true;
    }

    private static bool TryReadPercent(ReadOnlySpan<byte> here, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);
        return here.Length >= 3
            && Utf8Parser.TryParse(here[1..3], out byte value, out var read, 'X')
            && read == 2
            && Plain(value, 3, plain, out length, out count);
    }

    private static bool TryReadReference(ReadOnlySpan<byte> here, Span<byte> plain, out int length, out int count)
    {
        (length, count) = (0, 0);
        var end = here[..Math.Min(here.Length, 12)].IndexOf((byte)';');

        if (end < 3)
        {
            return false;
        }

        var body = here[1..end];
        uint point;

        if (body[0] != (byte)'#')
        {
            point = body switch
            {
                _ when body.SequenceEqual("amp"u8) => '&',
                _ when body.SequenceEqual("lt"u8) => '<',
                _ when body.SequenceEqual("gt"u8) => '>',
                _ when body.SequenceEqual("quot"u8) => '"',
                _ when body.SequenceEqual("apos"u8) => '\'',
                _ => 0u,
            };
        }
        else if (body[1] is (byte)'x' or (byte)'X')
        {
            point = Utf8Parser.TryParse(body[2..], out uint hex, out var read, 'X') && read == body.Length - 2 ? hex : 0;
        }
        else
        {
            point = Utf8Parser.TryParse(body[1..], out uint number, out var read) && read == body.Length - 1 ? number : 0;
        }

        if (point == 0 || !Rune.TryCreate(point, out var rune))
        {
            return false;
        }

        length = end + 1;
        count = rune.EncodeToUtf8(plain);
        return true;
    }

    private static bool Plain(byte meant, int written, Span<byte> plain, out int length, out int count)
    {
        plain[0] = meant;
        (length, count) = (written, 1);
        return true;
    }
}
