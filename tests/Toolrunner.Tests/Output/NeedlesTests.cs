using System.Text;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Tests.Output;

public sealed class NeedlesTests
{
    private static readonly string[] FormParts = ["\\", "\\", "a", "0", "n", "%", "\"", " ", "é", "c3"];

    private static readonly string[] TextParts =
    [
        "\\", "\\", "\\\\", "\\u005c", "\\u005C", "u005c", "%5c", "%255c", "&#92;", "&#x5c;", "\\u0026#92;", "\\u002592", "a", "A", "\\u0061", "\\\\u0061", "0", "%30",
        "n", "\\n", "\n", "\r", "\\r", "%", "%25", "\"", "\\\"", "&quot;", "\\u0026quot;", " ", "+", "%20", "é", "\\u00e9", "%C3%A9", "&#233;", "c3", "C3", "x",
    ];

    [Fact]
    public void Random_texts_are_read_as_a_matcher_reads_them_that_tries_every_way_in_turn()
    {
        var (withOne, withTwo) = (0, 0);

        for (var seed = 0; seed < 30_000; seed++)
        {
            var random = new Random(seed);
            Needle[] forms = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Form(random))];
            var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => random.GetItems(TextParts, 1)[0])));

            var found = new Needles(forms).FindIn(text);

            var wanted = Slowly(forms, text);
            Assert.True(wanted.SequenceEqual(found), $"seed {seed}: {Encoding.UTF8.GetString(text)} has {string.Join(' ', wanted)}, found {string.Join(' ', found)}");
            withOne += found.Count > 0 ? 1 : 0;
            withTwo += found.Count > 1 ? 1 : 0;
        }

        // Else the texts say nothing about what is found.
        Assert.True(withOne > 5_000 && withTwo > 1_000, $"{withOne}, {withTwo}");
    }

    [Fact]
    public void Forms_of_many_words_are_found_at_every_place_between_the_words()
    {
        for (var length = 1; length < 200; length++)
        {
            var form = Encoding.ASCII.GetBytes("1" + new string('k', length - 1));
            var needles = new Needles([new Needle(form, false, false), new Needle([.. form, .. "é"u8], false, false)]);
            byte[] text = [.. "--"u8, .. form, .. "\\u00e9--"u8, .. form, .. "-"u8];

            Assert.Equal([(2, length + 8), (length + 10, (2 * length) + 10)], needles.FindIn(text));
        }
    }

    private static Needle Form(Random random)
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.GetItems(FormParts, 1)[0])));
        return new Needle(bytes, random.Next(2) == 0, random.Next(2) == 0 && !bytes.Contains((byte)'\\'));
    }

    // Every form from every place in every way; then what overlaps is one.
    private static List<(int From, int To)> Slowly(Needle[] forms, byte[] text)
    {
        var all = Enumerable.Range(0, text.Length).SelectMany(from => forms.SelectMany(form => Ends(form, text, from, 0)).Select(to => (From: from, To: to))).Order();
        var found = new List<(int From, int To)>();

        foreach (var (from, to) in all)
        {
            if (found.Count > 0 && from < found[^1].To)
            {
                found[^1] = (found[^1].From, Math.Max(to, found[^1].To));
            }
            else
            {
                found.Add((from, to));
            }
        }

        return found;
    }

    private static List<int> Ends(Needle form, byte[] text, int at, int next)
    {
        if (next == form.Bytes.Length)
        {
            return [at];
        }

        if (at == text.Length)
        {
            return [];
        }

        var ends = new List<int>();
        var plain = new byte[4];

        if (IsNext(form, [text[at]], next))
        {
            ends.AddRange(Ends(form, text, at + 1, next + 1));
        }

        if (Escapes.TryRead(text, at, plain, out var length, out var count) && IsNext(form, plain[..count], next))
        {
            ends.AddRange(Ends(form, text, at + length, next + count));
        }

        if (Escapes.TryReadNested(text, at, plain, out length, out count) && IsNext(form, plain[..count], next))
        {
            ends.AddRange(Ends(form, text, at + length, next + count));
        }

        if (form.IsWrapped && next > 0 && Escapes.LineBreak(text, at) is > 0 and var broken)
        {
            ends.AddRange(Ends(form, text, at + broken, next));
        }

        return ends;
    }

    private static bool IsNext(Needle form, byte[] seen, int next) =>
        next + seen.Length <= form.Bytes.Length
        && seen.Zip(form.Bytes[next..]).All(pair => pair.First == pair.Second || (form.IsAnyCase && pair.First is >= (byte)'A' and <= (byte)'F' && pair.First + 32 == pair.Second));
}
