using System.Globalization;
using System.Text;
using Mesh.Integrity;

namespace Integrity.Tests.Canonical;

public sealed class CanonicalJsonTests
{
    [Fact]
    public void Every_accepted_vector_has_the_canonical_form_of_the_independent_implementation()
    {
        foreach (var vector in Vector.Read("canonical.json").GetProperty("accepted").EnumerateArray())
        {
            var canonical = CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(vector.Text("input")));

            Assert.Equal(vector.Text("canonical"), Encoding.UTF8.GetString(canonical));
            Assert.Null(CanonicalJson.Check(Encoding.UTF8.GetBytes(vector.Text("input"))));
        }
    }

    [Fact]
    public void Every_refused_vector_is_refused_with_its_reason_and_path_by_both_ways()
    {
        foreach (var vector in Vector.Read("canonical.json").GetProperty("refused").EnumerateArray())
        {
            var input = Convert.FromHexString(vector.Text("inputHex"));
            var name = vector.Text("name");

            Assert.False(CanonicalJson.TryCanonicalize(input, out var canonical, out var refusal), name);
            Assert.Null(canonical);
            Assert.Equal((name, vector.Text("reason")), (name, refusal.Reason.ToString()));
            Assert.Equal(refusal, CanonicalJson.Check(input));

            if (vector.TryGetProperty("path", out var path))
            {
                Assert.Equal((name, path.GetString()), (name, refusal.Path));
            }
        }
    }

    [Fact]
    public void Every_double_of_the_number_table_is_written_as_ECMAScript_writes_it()
    {
        Span<byte> text = stackalloc byte[JsonNumber.LengthMax];

        foreach (var vector in Vector.Read("numbers.json").EnumerateArray())
        {
            var value = BitConverter.UInt64BitsToDouble(ulong.Parse(vector.Text("ieee"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));

            var written = JsonNumber.Format(value, text);

            Assert.Equal(vector.Text("text"), Encoding.ASCII.GetString(text[..written]));
            Assert.Equal(vector.Text("text"), Canonical(vector.Text("text")));
        }
    }

    [Fact]
    public void Canonical_form_is_its_own_canonical_form()
    {
        foreach (var vector in Vector.Read("canonical.json").GetProperty("accepted").EnumerateArray())
        {
            var once = vector.Text("canonical");

            Assert.Equal(once, Canonical(once));
        }
    }

    [Theory]
    [InlineData("0.1", "0.1")]
    [InlineData("0.1000", "0.1")]
    [InlineData("1E2", "100")]
    [InlineData("-0", "0")]
    [InlineData("1e21", "1e+21")]
    [InlineData("0.00000000000000000000000000000000000000000000001e47", "1")]
    public void A_number_that_a_double_carries_is_written_in_its_shortest_form(string written, string canonical)
    {
        Assert.Equal(canonical, Canonical(written));
    }

    [Fact]
    public void Random_doubles_survive_the_way_through_text_bit_by_bit()
    {
        var random = new Random(7);
        Span<byte> text = stackalloc byte[JsonNumber.LengthMax];

        for (var i = 0; i < 20_000; i++)
        {
            var value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));

            if (!double.IsFinite(value) || value == 0)
            {
                continue;
            }

            var written = Encoding.ASCII.GetString(text[..JsonNumber.Format(value, text)]);

            Assert.Equal(value, double.Parse(written, CultureInfo.InvariantCulture));
            Assert.Equal(written, Canonical(written));
        }
    }

    [Fact]
    public void The_order_in_which_members_were_written_does_not_matter()
    {
        var random = new Random(3);
        var names = Enumerable.Range(0, 200).Select(i => $"\"{(char)random.Next(0x20, 0x22)}{(char)random.Next(0x3b1, 0x3ff)}{i}\"".Replace("\"\"", "\"!", StringComparison.Ordinal)).ToArray();
        var sorted = Canonical("{" + string.Join(',', names.Select((n, i) => $"{n}:[{i},{{\"b\":1,\"a\":2}}]")) + "}");

        for (var round = 0; round < 20; round++)
        {
            var order = Enumerable.Range(0, names.Length).ToArray();
            random.Shuffle(order);

            var shuffled = Canonical("{" + string.Join(" , ", order.Select(i => $"{names[i]}:[{i},{{\"a\":2,\"b\":1}}]")) + "}");

            Assert.Equal(sorted, shuffled);
        }
    }

    [Fact]
    public void More_bytes_than_the_caller_allows_are_refused_unread()
    {
        var input = "{\"a\":1}"u8;

        Assert.Equal(new JsonRefusal(JsonRefusalReason.TooLarge, ""), CanonicalJson.Check(input, bytesMax: input.Length - 1));
        Assert.Null(CanonicalJson.Check(input, bytesMax: input.Length));
        Assert.False(CanonicalJson.TryCanonicalize(input, out _, out var refusal, bytesMax: 3));
        Assert.Equal(JsonRefusalReason.TooLarge, refusal.Reason);
    }

    [Fact]
    public void Canonicalize_throws_the_refusal_and_Parse_too()
    {
        var thrown = Assert.Throws<JsonRefusedException>(() => CanonicalJson.Canonicalize("{\"a\":1,\"a\":1}"u8));

        Assert.Equal(new JsonRefusal(JsonRefusalReason.DuplicateKey, "/a"), thrown.Refusal);
        Assert.Throws<JsonRefusedException>(() => CanonicalJson.Parse("[1e400]"u8));
    }

    [Fact]
    public void Bytes_of_every_kind_are_accepted_or_refused_and_never_throw()
    {
        var random = new Random(11);
        var seed = Encoding.UTF8.GetBytes("""{"a":[1,-0.5e3,"\u00e9\ud83d\ude00\\",{"b":null,"c":true}],"é":"😀"}""");

        for (var i = 0; i < 30_000; i++)
        {
            var input = seed.ToArray();

            for (var change = random.Next(1, 4); change > 0; change--)
            {
                input[random.Next(input.Length)] = (byte)random.Next(256);
            }

            var accepted = CanonicalJson.TryCanonicalize(input.AsSpan(0, random.Next(input.Length + 1)), out var canonical, out var refusal);

            Assert.Equal(accepted, refusal is null);

            if (accepted)
            {
                Assert.Equal(canonical, CanonicalJson.Canonicalize(canonical));
            }
        }
    }

    [Fact]
    public void A_refusal_is_told_in_words_with_its_place_and_its_limit()
    {
        foreach (var reason in Enum.GetValues<JsonRefusalReason>())
        {
            Assert.DoesNotContain($"{reason}", $"{new JsonRefusal(reason, "/a")}", StringComparison.Ordinal);
        }

        Assert.Equal("the same key twice at /a", $"{CanonicalJson.Check("""{"a":1,"a":2}"""u8)}");
        Assert.StartsWith("nested deeper than 32 levels at /0", $"{CanonicalJson.Check(Encoding.UTF8.GetBytes(new string('[', 33)))}", StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_pointer_is_cut()
    {
        var key = new string('k', 100_000);

        var refusal = CanonicalJson.Check(Encoding.UTF8.GetBytes($$"""{"{{key}}":1e400}"""));

        Assert.InRange(refusal!.Path.Length, 100, 600);
    }

    [Fact]
    public void Canonical_bytes_compare_by_content_and_do_not_print_it()
    {
        var one = CanonicalJson.Parse("""{"b":1,"a":"secret"}"""u8);
        var two = CanonicalJson.Parse("""{"a":"secret", "b":1.0}"""u8);

        Assert.Equal(one, two);
        Assert.Equal(one.GetHashCode(), two.GetHashCode());
        Assert.DoesNotContain("secret", one.ToString(), StringComparison.Ordinal);
    }

    private static string Canonical(string json) => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(json)));
}
