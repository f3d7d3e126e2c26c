using System.Text;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Tests.Output;

public sealed class ScrubberTests
{
    [Theory]
    [InlineData("a\"b\\c/d&e%f", """{"x":"a\"b\\c\/d\u0026e%25f"}""")]
    [InlineData("pässwörd€", """{"x":"p\u00e4ssw\u00F6rd\u20AC"}""")]
    [InlineData("p%ss%41word", "p%ss%41word")]
    [InlineData("p%ss%41word", "p%25ss%2541word")]
    [InlineData("key😀key", """k\u0065y\uD83D\uDE00key""")]
    [InlineData("a b c d", "a+b+c+d")]
    [InlineData("say \"x\" & go", """{"log":"{\"said\":\"say \\\"x\\u0022 \u0026amp; go\"}"}""")]
    [InlineData("<tag>\"'", "&lt;tag&gt;&quot;&#39;")]
    public void A_value_is_found_through_escapes(string secret, string text)
    {
        var value = Encoding.UTF8.GetBytes(secret);
        using var scrubber = new Scrubber(value);
        Array.Clear(value);
        var (clean, found) = scrubber.Scrub(Encoding.UTF8.GetBytes(text));

        Assert.Equal(1, found);
        Assert.Contains("[credential]", Encoding.UTF8.GetString(clean), StringComparison.Ordinal);
    }

    [Fact]
    public void A_random_value_is_found_in_base64_at_every_alignment_and_line_length()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var secret = new byte[random.Next(5, 60)];
            random.NextBytes(secret);
            byte[] around = [.. RandomBytes(random), .. secret, .. RandomBytes(random)];
            var text = Convert.ToBase64String(around, Base64FormattingOptions.InsertLineBreaks);
            text = seed % 2 == 0 ? text : text.Replace('+', '-').Replace('/', '_');
            using var scrubber = new Scrubber(secret);

            Assert.True(scrubber.Scrub(Encoding.ASCII.GetBytes(text)).Found == 1, $"seed {seed}: {text}");
        }
    }

    [Fact]
    public void What_is_not_the_credential_stays_as_it_is()
    {
        using var scrubber = new Scrubber("credential-1"u8.ToArray());
        var text = """{"a":"credential-2 \u0063redential- %63 &amp;"}"""u8.ToArray();

        Assert.Same(text, scrubber.Scrub(text).Clean);
    }

    // A matcher that tries one reading after the other has 3 to the power of 60 ways to be wrong here, and never ends. This one
    // takes less than a second on an idle machine.
    [Theory]
    [InlineData(60, 4_000)]
    [InlineData(1_000, 256 * 1024)]
    public async Task An_answer_that_can_be_read_in_many_ways_is_not_read_in_one_after_the_other(int secretLength, int answerLength)
    {
        using var scrubber = new Scrubber(Encoding.UTF8.GetBytes(new string('\\', secretLength) + "Z"));
        var text = Encoding.UTF8.GetBytes(new string('\\', answerLength) + "x");

        var (_, found) = await Task.Run(() => scrubber.Scrub(text), Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);

        Assert.Equal(0, found);
    }

    [Fact]
    public void The_largest_secret_is_found_when_each_of_its_bytes_is_an_escape()
    {
        using var scrubber = new Scrubber(Encoding.UTF8.GetBytes(new string('k', 64 * 1024)));
        var text = Encoding.UTF8.GetBytes($"[{string.Concat(Enumerable.Repeat("%6b", 64 * 1024))}]");

        var (clean, found) = scrubber.Scrub(text);

        Assert.Equal(("[[credential]]", 1), (Encoding.UTF8.GetString(clean), found));
    }

    [Fact]
    public void What_overlaps_with_the_credential_and_could_be_the_credential_goes_with_it()
    {
        using var scrubber = new Scrubber("aba"u8.ToArray());

        var (clean, found) = scrubber.Scrub("-ababa-aba-"u8.ToArray());

        Assert.Equal(("-[credential]-[credential]-", 2), (Encoding.UTF8.GetString(clean), found));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static byte[] RandomBytes(Random random)
    {
        var bytes = new byte[random.Next(0, 100)];
        random.NextBytes(bytes);
        return bytes;
    }
}
