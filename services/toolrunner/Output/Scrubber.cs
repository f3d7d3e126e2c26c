using System.Buffers;
using System.Text;

namespace Mesh.Toolrunner.Output;

/// <summary>Takes a credential out of whatever a target sent back.</summary>
/// <remarks>
/// It finds the value as it is, in base64 (each alignment, both alphabets), in hex (both cases) and in UTF-16, and each of
/// these also where single characters are written as JSON escapes, as percent escapes or as HTML references. It looks at
/// the whole answer at once, so no border between two reads can hide anything.
/// </remarks>
internal sealed class Scrubber : IDisposable
{
    // Shorter stretches of base64 are found everywhere by chance and say next to nothing.
    private const int CoreLengthMin = 4;

    private readonly List<Needle> needles = [];
    private readonly SearchValues<byte> starts;

    /// <param name="values">The credential, and the forms in which it was sent.</param>
    public Scrubber(params ReadOnlySpan<byte[]> values)
    {
        foreach (var value in values)
        {
            if (value.Length > 0)
            {
                AddForms(value);
            }
        }

        starts = SearchValues.Create([.. needles.SelectMany(n => n.IsAnyCase ? [n.Bytes[0], Upper(n.Bytes[0])] : new[] { n.Bytes[0] }).Distinct(), (byte)'\\', (byte)'%', (byte)'&']);
    }

    private static ReadOnlySpan<byte> Mask => "[credential]"u8;

    /// <summary>The text without the credential, and how often it was there.</summary>
    public (byte[] Clean, int Found) Scrub(byte[] text)
    {
        if (needles.Count == 0)
        {
            return (text, 0);
        }

        ArrayBufferWriter<byte>? clean = null;
        var found = 0;
        var (copied, at) = (0, 0);

        while (text.AsSpan(at).IndexOfAny(starts) is >= 0 and var skip)
        {
            at += skip;
            var end = LongestMatch(text, at);

            if (end < 0)
            {
                at++;
                continue;
            }

            clean ??= new ArrayBufferWriter<byte>(text.Length);
            clean.Write(text.AsSpan(copied, at - copied));
            clean.Write(Mask);
            found++;
            copied = at = end;
        }

        if (clean is null)
        {
            return (text, 0);
        }

        clean.Write(text.AsSpan(copied));
        return (clean.WrittenSpan.ToArray(), found);
    }

    /// <summary>Erases the forms of the credential.</summary>
    public void Dispose()
    {
        foreach (var needle in needles)
        {
            Array.Clear(needle.Bytes);
        }

        needles.Clear();
    }

    private int LongestMatch(byte[] text, int at)
    {
        var longest = -1;

        foreach (var needle in needles)
        {
            longest = Math.Max(longest, needle.MatchAt(text, at, 0));
        }

        return longest;
    }

    private void AddForms(byte[] value)
    {
        // A copy: the caller erases its own.
        Add([.. value], isAnyCase: false, isWrapped: false);
        Add(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(value)), isAnyCase: true, isWrapped: true);

        for (var before = 0; before < 3; before++)
        {
            AddBase64(value, before);
        }

        // As text of two bytes a character.
        var text = Encoding.UTF8.GetString(value);
        Add(Encoding.Unicode.GetBytes(text), isAnyCase: false, isWrapped: false);
        Add(Encoding.BigEndianUnicode.GetBytes(text), isAnyCase: false, isWrapped: false);
    }

    // The digits that depend on the value alone, when this many unknown bytes stand before it.
    private void AddBase64(byte[] value, int before)
    {
        var padded = new byte[before + value.Length];
        value.CopyTo(padded, before);
        var digits = Convert.ToBase64String(padded);
        var from = ((before * 8) + 5) / 6;
        var to = padded.Length * 8 / 6;

        if (to - from >= CoreLengthMin)
        {
            var core = digits[from..to];
            Add(Encoding.ASCII.GetBytes(core), isAnyCase: false, isWrapped: true);
            Add(Encoding.ASCII.GetBytes(core.Replace('+', '-').Replace('/', '_')), isAnyCase: false, isWrapped: true);
        }

        Array.Clear(padded);
    }

    private void Add(byte[] bytes, bool isAnyCase, bool isWrapped)
    {
        if (bytes.Length > 0 && !needles.Any(n => n.Bytes.AsSpan().SequenceEqual(bytes)))
        {
            needles.Add(new Needle(bytes, isAnyCase, isWrapped));
        }
    }

    private static byte Upper(byte b) => b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 32) : b;

    /// <param name="Bytes">What is looked for.</param>
    /// <param name="IsAnyCase">Hex is written in both cases.</param>
    /// <param name="IsWrapped">Lines may be broken inside of it.</param>
    private sealed record Needle(byte[] Bytes, bool IsAnyCase, bool IsWrapped)
    {
        /// <summary>Where a match that starts here ends, or -1.</summary>
        public int MatchAt(byte[] text, int at, int from)
        {
            var next = from;

            while (next < Bytes.Length)
            {
                if (at < text.Length && Same(text[at], Bytes[next]))
                {
                    // A backslash, percent sign or ampersand of the value itself may also be the start of an escape.
                    if (text[at] is (byte)'\\' or (byte)'%' or (byte)'&' && MatchEscape(text, at, next) is >= 0 and var escaped)
                    {
                        return escaped;
                    }

                    at++;
                    next++;
                }
                else if (IsWrapped && next > 0 && Escapes.LineBreak(text, at) is > 0 and var broken)
                {
                    at += broken;
                }
                else
                {
                    return MatchEscape(text, at, next);
                }
            }

            return at;
        }

        private int MatchEscape(byte[] text, int at, int next)
        {
            Span<byte> plain = stackalloc byte[4];

            // An escape inside of an escape first: JSON in a string of JSON, a reference in one.
            if (Escapes.TryReadNested(text, at, plain, out var length, out var count) && Is(plain[..count], next)
                && MatchAt(text, at + length, next + count) is >= 0 and var end)
            {
                return end;
            }

            return Escapes.TryRead(text, at, plain, out length, out count) && Is(plain[..count], next)
                ? MatchAt(text, at + length, next + count)
                : -1;
        }

        private bool Is(ReadOnlySpan<byte> plain, int next)
        {
            if (plain.Length > Bytes.Length - next)
            {
                return false;
            }

            for (var i = 0; i < plain.Length; i++)
            {
                if (!Same(plain[i], Bytes[next + i]))
                {
                    return false;
                }
            }

            return true;
        }

        private bool Same(byte seen, byte wanted) => seen == wanted || (IsAnyCase && seen is >= (byte)'A' and <= (byte)'F' && seen + 32 == wanted);
    }
}
