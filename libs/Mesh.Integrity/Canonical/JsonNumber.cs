using System.Globalization;

namespace Mesh.Integrity;

/// <summary>Numbers as ECMAScript writes them, and whether a written number survives being a double.</summary>
internal static class JsonNumber
{
    /// <summary>Room for the longest canonical number, such as <c>-0.0000012345678901234567</c>.</summary>
    public const int LengthMax = 32;

    // Integers of up to 15 digits are exact in a double and canonical as they stand.
    private const int PlainDigitsMax = 15;

    // No double needs more digits than this in its shortest form.
    private const int DigitsMax = 17;

    /// <summary>Appends the canonical form of a number token; false if a double cannot carry it.</summary>
    public static bool TryWrite(ReadOnlySpan<byte> token, JsonBuffer output)
    {
        if (token.Length <= PlainDigitsMax && token[0] != '-' && !token.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            output.Write(token);
            return true;
        }

        if (!double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
        {
            return false;
        }

        Span<byte> writtenDigits = stackalloc byte[DigitsMax];
        Span<byte> shortestDigits = stackalloc byte[DigitsMax];

        // Both sides as digits without zeros at either end, and the place of the point: equal only if the decimals are.
        if (!TryRead(token, writtenDigits, out var writtenCount, out var writtenPoint))
        {
            return false;
        }

        Shortest(value, shortestDigits, out var shortestCount, out var shortestPoint);

        if (writtenPoint != shortestPoint || !writtenDigits[..writtenCount].SequenceEqual(shortestDigits[..shortestCount]))
        {
            return false;
        }

        output.Advance(Format(value < 0, shortestDigits[..shortestCount], shortestPoint, output.Room(LengthMax)));
        return true;
    }

    /// <summary>Writes a finite double as ECMAScript does, and returns how many bytes that took.</summary>
    public static int Format(double value, Span<byte> output)
    {
        Span<byte> digits = stackalloc byte[DigitsMax];
        Shortest(value, digits, out var count, out var point);
        return Format(value < 0, digits[..count], point, output);
    }

    private static void Shortest(double value, Span<byte> digits, out int count, out int point)
    {
        Span<byte> text = stackalloc byte[LengthMax];

        // "E16" would not be the shortest; "R" is, and only its spelling is not ECMAScript's.
        value.TryFormat(text, out var written, "R", CultureInfo.InvariantCulture);
        TryRead(text[..written], digits, out count, out point);
    }

    // 0.d1d2d3… times ten to the power of point. Zero has no digits and point 0.
    private static bool TryRead(ReadOnlySpan<byte> token, Span<byte> digits, out int count, out int point)
    {
        count = 0;
        point = 0;
        var zeros = 0;
        var integral = true;
        var at = token[0] == '-' ? 1 : 0;

        for (; at < token.Length && (token[at] | 0x20) != 'e'; at++)
        {
            if (token[at] == '.')
            {
                integral = false;
                continue;
            }

            if (count == 0 && token[at] == '0')
            {
                point -= integral ? 0 : 1;
                continue;
            }

            point += integral ? 1 : 0;

            // Zeros are held back: at the end they do not count, in the middle they do.
            if (token[at] == '0')
            {
                zeros++;
                continue;
            }

            if (count + zeros >= DigitsMax)
            {
                return false;
            }

            digits.Slice(count, zeros).Fill((byte)'0');
            digits[count + zeros] = token[at];
            count += zeros + 1;
            zeros = 0;
        }

        point = count == 0 ? 0 : point + Exponent(token[Math.Min(at + 1, token.Length)..]);
        return true;
    }

    // Far outside of what a double reaches, the exact value does not matter any more.
    private static int Exponent(ReadOnlySpan<byte> text)
    {
        const int Beyond = 100_000_000;
        var exponent = 0;

        foreach (var c in text)
        {
            exponent = c is (byte)'-' or (byte)'+' ? 0 : Math.Min((exponent * 10) + (c - '0'), Beyond);
        }

        return text.Length > 0 && text[0] == '-' ? -exponent : exponent;
    }

    // ECMA-262, Number::toString. The names k and n are the standard's: k digits, n the place of the point.
    private static int Format(bool negative, ReadOnlySpan<byte> digits, int n, Span<byte> output)
    {
        var k = digits.Length;
        var at = 0;

        if (k == 0)
        {
            output[0] = (byte)'0';
            return 1;
        }

        if (negative)
        {
            output[at++] = (byte)'-';
        }

        switch (n)
        {
            case > 0 and <= 21 when k <= n:
                at = Put(digits, output, at);
                output.Slice(at, n - k).Fill((byte)'0');
                return at + n - k;

            case > 0 and <= 21:
                at = Put(digits[..n], output, at);
                output[at++] = (byte)'.';
                return Put(digits[n..], output, at);

            case > -6 and <= 0:
                at = Put("0."u8, output, at);
                output.Slice(at, -n).Fill((byte)'0');
                return Put(digits, output, at - n);
        }

        output[at++] = digits[0];

        if (k > 1)
        {
            output[at++] = (byte)'.';
            at = Put(digits[1..], output, at);
        }

        at = Put(n > 0 ? "e+"u8 : "e-"u8, output, at);
        Math.Abs(n - 1).TryFormat(output[at..], out var written, default, CultureInfo.InvariantCulture);
        return at + written;
    }

    private static int Put(ReadOnlySpan<byte> value, Span<byte> output, int at)
    {
        value.CopyTo(output[at..]);
        return at + value.Length;
    }
}
