using System.Buffers;
using System.Collections;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Mesh.Toolrunner.Output;

/// <summary>Finds all forms of a credential at once, however each of their bytes is spelled.</summary>
/// <remarks>
/// A state is a place in a form: so much of it was seen. The states that are reached at a place of the text are a set of bits,
/// so every reading of an ambiguous text is followed, and none twice. In an ordinary text hardly any state is reached, and the
/// work is that of a search for the first bytes. At the very worst it is one step for each byte of the text, each reading of it
/// there (four at most) and each 64 bytes of the forms, a few times over: under a second for a secret of 4 KiB in the largest
/// answer, up to half a minute for the largest secret. The memory is one bit for each byte of the forms, at most 128 times.
/// </remarks>
internal sealed class Needles
{
    private readonly byte[] wanted;
    private readonly int words;
    private readonly ulong[] starts;
    private readonly ulong[] ends;
    private readonly ulong[] anyCase;
    private readonly ulong[] breakable;
    private readonly int[][] startsWith = new int[256][];
    private readonly SearchValues<byte> firstBytes;

    // Two bytes, as they are, with which no form begins; a spelled form begins with other bytes.
    private readonly BitArray beginnings = new(256 * 256);

    public Needles(IReadOnlyCollection<Needle> needles)
    {
        // One more state for each: all of it was seen.
        words = (needles.Sum(needle => needle.Bytes.Length + 1) + 63) / 64;
        wanted = new byte[words * 64];
        (starts, ends, anyCase, breakable) = (new ulong[words], new ulong[words], new ulong[words], new ulong[words]);
        Array.Fill(startsWith, []);
        var from = 0;

        foreach (var needle in needles)
        {
            Add(needle, from);
            from += needle.Bytes.Length + 1;
        }

        firstBytes = SearchValues.Create([.. Enumerable.Range(0, 256).Where(b => startsWith[b].Length > 0).Select(b => (byte)b), .. Escaping, .. startsWith[' '].Length > 0 ? "+"u8 : []]);
    }

    private static ReadOnlySpan<byte> Escaping => @"\%&"u8;

    /// <summary>The stretches of the text that are a form, from the first to the last. Those that overlap are one.</summary>
    public List<(int From, int To)> FindIn(ReadOnlySpan<byte> text)
    {
        var found = EndsIn(text);
        return found.Count == 0 ? [] : StretchesBefore(CollectionsMarshal.AsSpan(found), text);
    }

    /// <summary>Erases what is looked for.</summary>
    public void Erase() => Array.Clear(wanted);

    // Where a form ends, in order, and the state that says which.
    private List<(int At, int State)> EndsIn(ReadOnlySpan<byte> text)
    {
        var found = new List<(int At, int State)>();
        var reached = new Window(words);
        Span<Spelling> room = stackalloc Spelling[Spelling.AtOnePlaceMax];
        var last = -1;

        for (var at = 0; at <= text.Length; at++)
        {
            if (at > last)
            {
                at = NextBeginning(text, at);
            }

            var here = reached[at];
            TakeEnds(here, at, found);

            if (at == text.Length)
            {
                break;
            }

            foreach (var spelling in Spelling.At(text, at, room))
            {
                var there = reached[at + spelling.Length];
                Follow(here, spelling, there, reached);
                last = there.IsEmpty ? last : Math.Max(last, at + spelling.Length);
            }

            here.Clear();
        }

        return found;
    }

    private int NextBeginning(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && text[at..].IndexOfAny(firstBytes) is >= 0 and var skip)
        {
            at += skip;

            if (at + 1 == text.Length || Escaping.Contains(text[at]) || text[at] == (byte)'+' || beginnings[Pair(text[at], text[at + 1])])
            {
                return at;
            }

            at++;
        }

        return text.Length;
    }

    private void TakeEnds(StateSet here, int at, List<(int At, int State)> found)
    {
        foreach (var word in here)
        {
            for (var left = here[word] & ends[word]; left != 0; left &= left - 1)
            {
                found.Add((at, (word * 64) + BitOperations.TrailingZeroCount(left)));
            }

            here.Remove(word, ends[word]);
        }
    }

    private void Follow(StateSet here, Spelling spelling, StateSet there, Window reached)
    {
        if (spelling.Count == 0)
        {
            Keep(here, there);
            return;
        }

        var from = here;

        for (var i = 0; i < spelling.Count; i++)
        {
            var to = i == spelling.Count - 1 ? there : reached.Between(i);

            foreach (var word in from)
            {
                var fit = from[word] & Fitting(word, spelling[i]);
                to.Add(word, fit << 1);

                if (fit >> 63 != 0)
                {
                    to.Add(word + 1, 1);
                }
            }

            if (i == 0)
            {
                foreach (var start in startsWith[spelling[0]])
                {
                    to.Add(start + 1);
                }
            }
            else
            {
                from.Clear();
            }

            from = to;
        }
    }

    private List<(int From, int To)> StretchesBefore(ReadOnlySpan<(int At, int State)> found, ReadOnlySpan<byte> text)
    {
        var stretches = new List<(int From, int To)>();
        var leading = new Window(words);

        while (!found.IsEmpty)
        {
            var to = found[^1].At;
            var (from, inside) = (to, to - 1);

            // What ends inside of it may begin before it. Each end is looked at once, and only as far back as its own form can reach.
            while (!found.IsEmpty && found[^1].At > inside)
            {
                var others = found.Length;

                while (others > 0 && found[others - 1].At > inside)
                {
                    others--;
                }

                from = inside = Math.Min(from, BeginningOf(found[others..], text, leading));
                found = found[..others];
            }

            stretches.Add((from, to));
        }

        stretches.Reverse();
        return stretches;
    }

    // The first place from which one of these ends is reached.
    private int BeginningOf(ReadOnlySpan<(int At, int State)> found, ReadOnlySpan<byte> text, Window leading)
    {
        Span<Spelling> room = stackalloc Spelling[Spelling.AtOnePlaceMax];
        var (beginning, last) = (found[^1].At, found[^1].At);

        for (var at = last; at >= 0 && (!found.IsEmpty || last - at <= Spelling.LengthMax); at--)
        {
            var here = leading[at];
            here.Clear();

            for (; !found.IsEmpty && found[^1].At == at; found = found[..^1])
            {
                here.Add(found[^1].State);
            }

            foreach (var spelling in at < text.Length ? Spelling.At(text, at, room) : [])
            {
                Trace(leading[at + spelling.Length], spelling, here, leading);
            }

            foreach (var word in here)
            {
                last = at;
                beginning = (here[word] & starts[word]) != 0 ? at : beginning;
            }
        }

        leading.Clear();
        return beginning;
    }

    private void Trace(StateSet there, Spelling spelling, StateSet here, Window leading)
    {
        if (spelling.Count == 0)
        {
            Keep(there, here);
            return;
        }

        var from = there;

        for (var i = spelling.Count - 1; i >= 0; i--)
        {
            var to = i == 0 ? here : leading.Between(i);

            foreach (var word in from)
            {
                to.Add(word, (from[word] >> 1) & Fitting(word, spelling[i]));

                if (word > 0 && (from[word] & 1) != 0)
                {
                    to.Add(word - 1, (1UL << 63) & Fitting(word - 1, spelling[i]));
                }
            }

            if (from != there)
            {
                from.Clear();
            }

            from = to;
        }
    }

    private void Keep(StateSet from, StateSet to)
    {
        foreach (var word in from)
        {
            to.Add(word, from[word] & breakable[word]);
        }
    }

    // The states of one word in which this byte is the next one.
    private ulong Fitting(int word, byte seen)
    {
        var next = Vector512.Create<byte>(wanted.AsSpan(word * 64, 64));
        var fitting = Vector512.Equals(next, Vector512.Create(seen)).ExtractMostSignificantBits();

        if (seen is >= (byte)'A' and <= (byte)'F')
        {
            fitting |= Vector512.Equals(next, Vector512.Create((byte)(seen + 32))).ExtractMostSignificantBits() & anyCase[word];
        }

        return fitting & ~ends[word];
    }

    private void Add(Needle needle, int from)
    {
        var bytes = needle.Bytes;
        bytes.CopyTo(wanted, from);
        Mark(starts, from);
        Mark(ends, from + bytes.Length);

        for (var i = 0; i < bytes.Length; i++)
        {
            if (needle.IsAnyCase)
            {
                Mark(anyCase, from + i);
            }

            if (needle.IsWrapped && i > 0)
            {
                Mark(breakable, from + i);
            }
        }

        foreach (var first in Cases(bytes[0], needle.IsAnyCase))
        {
            startsWith[first] = [.. startsWith[first], from];

            foreach (var second in bytes.Length == 1 ? Enumerable.Range(0, 256).Select(b => (byte)b) : [.. Cases(bytes[1], needle.IsAnyCase), .. @"\%&+"u8, .. "\r\n"u8])
            {
                beginnings[Pair(first, second)] = true;
            }
        }
    }

    private static byte[] Cases(byte b, bool isAny) => isAny && b is >= (byte)'a' and <= (byte)'f' ? [b, (byte)(b - 32)] : [b];

    private static int Pair(byte first, byte second) => (first << 8) | second;

    private static void Mark(ulong[] bits, int state) => bits[state / 64] |= 1UL << (state % 64);

    /// <summary>The states of the places around one place, none farther from it than a spelling is long.</summary>
    private sealed class Window(int words)
    {
        private const int Places = 128;

        private readonly StateSet?[] places = new StateSet?[Places];
        private readonly StateSet?[] between = new StateSet?[4];

        public StateSet this[int place] => places[place % Places] ??= new StateSet(words);

        /// <summary>Room for the states inside of a spelling that means more than one byte.</summary>
        public StateSet Between(int index) => between[index] ??= new StateSet(words);

        public void Clear()
        {
            foreach (var place in places)
            {
                place?.Clear();
            }
        }
    }
}

/// <summary>One form of a credential.</summary>
/// <param name="Bytes">What is looked for.</param>
/// <param name="IsAnyCase">Hex is written in both cases.</param>
/// <param name="IsWrapped">Lines may be broken inside of it.</param>
internal sealed record Needle(byte[] Bytes, bool IsAnyCase, bool IsWrapped);
