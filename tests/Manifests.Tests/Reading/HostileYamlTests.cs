using System.Diagnostics;
using System.Text;

namespace Mesh.Manifests.Tests.Reading;

public sealed class HostileYamlTests
{
    private const string Head = "apiVersion: mesh/v1\nkind: Tenant\n";

    [Fact]
    public void A_billion_laughs_are_refused_at_the_first_anchor_use()
    {
        var text = new StringBuilder("a: &a [lol, lol, lol, lol]\n");
        for (var c = 'b'; c < 'k'; c++)
        {
            text.Append($"{c}: &{c} [*{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}]\n");
        }

        var reading = ManifestReader.Read("bomb.yaml", text.ToString());

        Assert.Empty(reading.Documents);
        Assert.Contains(reading.Errors, e => e is { Line: 1, Field: "a" } && e.Message == "anchors (&name) are not allowed");
        Assert.Contains(reading.Errors, e => e.Line == 2 && e.Message.EndsWith("aliases (*name) are not allowed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void A_hundred_thousand_levels_end_at_the_seventeenth_and_soon(string opening)
    {
        var text = string.Concat(Enumerable.Repeat(opening, 200_000 / opening.Length));
        var clock = Stopwatch.StartNew();

        var reading = ManifestReader.Read("deep.yaml", text);

        Assert.Empty(reading.Documents);
        Assert.NotEmpty(reading.Errors);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"took {clock.Elapsed}");
    }

    [Fact]
    public void A_million_levels_are_refused_unread_by_size()
    {
        var reading = ManifestReader.Read("deep.yaml", new string('[', 1_000_000));

        Assert.Contains("262144", Assert.Single(reading.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sixteen_levels_are_read_and_seventeen_are_not()
    {
        string Nested(int levels) => Head + "metadata: " + new string('[', levels - 2) + "x" + new string(']', levels - 2) + "\n";

        Assert.DoesNotContain(ManifestReader.Read("f", Nested(16 - 1)).Errors, e => e.Message.Contains("deeper", StringComparison.Ordinal));
        Assert.Contains(ManifestReader.Read("f", Nested(17)).Errors, e => e.Message.Contains("deeper than 16 levels", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("metadata: {name: acme, name: acme}", 3, "metadata.name", "given twice")]
    [InlineData("metadata: {name: acme, \"name\": acme}", 3, "metadata.name", "given twice")]
    [InlineData("metadata: {name: acme}\nkind: Tenant", 4, "kind", "given twice")]
    [InlineData("metadata: !!map {name: acme}", 3, "metadata", "tags")]
    [InlineData("metadata: {name: !!str acme}", 3, "metadata.name", "tags")]
    [InlineData("metadata: {name: ! acme}", 3, "metadata.name", "tags")]
    [InlineData("metadata: {name: &x acme}", 3, "metadata.name", "anchors")]
    [InlineData("metadata: {<<: {name: acme}}", 3, "", "merge keys")]
    [InlineData("metadata: {? [a] : b}", 3, "", "field name must be a string")]
    [InlineData("metadata: {name: \"a\\0b\"}", 3, "metadata.name", "U+0000")]
    [InlineData("metadata: {name: acme, color: red}", 3, "metadata.color", "not a known field; known here: annotations, description, labels, name, parent")]
    [InlineData("metadata: {name: acme}\nspec: {}", 4, "spec", "not a known field")]
    [InlineData("metadata: {name: 12}", 3, "metadata.name", "must be a string, is an integer")]
    [InlineData("metadata: {name: true}", 3, "metadata.name", "must be a string, is a boolean")]
    [InlineData("metadata: {name: }", 3, "metadata.name", "has no value")]
    [InlineData("metadata: {name: True}", 3, "metadata.name", "read differently")]
    [InlineData("metadata: {name: 0x1F}", 3, "metadata.name", "read differently")]
    [InlineData("metadata: {name: 007}", 3, "metadata.name", "read differently")]
    [InlineData("metadata: {name: NO}", 3, "metadata.name", "must be a name")]
    [InlineData("metadata: {name: acme_corp}", 3, "metadata.name", "must be a name")]
    [InlineData("metadata: {name: \"acme\\n\"}", 3, "metadata.name", "must be a name")]
    [InlineData("metadata: [acme]", 3, "metadata", "must be a map, is a list")]
    [InlineData("metadata:\n\tname: acme", 4, "", "not valid YAML")]
    [InlineData("metadata: {name: acme", 4, "", "not valid YAML")]
    public void What_is_not_strict_is_refused_with_its_line_and_field(string rest, int line, string field, string why)
    {
        var reading = ManifestReader.Read("tenant.yaml", Head + rest + "\n");

        Assert.Empty(reading.Documents);
        Assert.Contains(reading.Errors, e => e.File == "tenant.yaml" && e.Line == line && e.Column > 0 && e.Field == field
            && e.Message.Contains(why, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("%YAML 1.1\n---\n", "directives")]
    [InlineData("%TAG ! tag:example.com,2000:\n---\n", "directives")]
    [InlineData("# \u0007\n", "U+0007")]
    [InlineData("# a\u0085b\n", "U+0085")]
    [InlineData("# a\u2028b\n", "U+2028")]
    [InlineData("\n\uFEFF", "U+FEFF")]
    public void Characters_and_directives_that_readers_disagree_on_are_refused(string start, string why)
    {
        var reading = ManifestReader.Read("f", start + Head + "metadata: {name: acme}\n");

        Assert.Empty(reading.Documents);
        Assert.Contains(why, reading.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_in_front_changes_nothing()
    {
        var text = Head + "metadata: {name: acme}\n";

        var plain = ManifestReader.Read("f", Encoding.UTF8.GetBytes(text));
        var marked = ManifestReader.Read("f", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(text)]);

        Assert.Equal(plain.Documents[0].Digest, marked.Documents[0].Digest);
    }

    [Fact]
    public void Bytes_that_are_not_UTF_8_are_refused()
    {
        var latin = ManifestReader.Read("f", Encoding.Latin1.GetBytes(Head + "metadata: {name: acmé}\n"));
        var wide = ManifestReader.Read("f", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(Head)).ToArray());
        var half = ManifestReader.Read("f", "a: \ud800");

        Assert.Contains("not UTF-8", Assert.Single(latin.Errors).Message, StringComparison.Ordinal);
        Assert.Contains("not UTF-8", Assert.Single(wide.Errors).Message, StringComparison.Ordinal);
        Assert.Contains("surrogate", Assert.Single(half.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_giant_scalar_is_refused_by_its_fields_limit()
    {
        var reading = ManifestReader.Read("f", Head + $"metadata: {{name: {new string('a', 200_000)}}}\n");

        var error = Assert.Single(reading.Errors);
        Assert.Equal("metadata.name", error.Field);
        Assert.Contains("256 characters, has 200000", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Length < 200);
    }

    [Fact]
    public void A_giant_number_is_refused_without_being_echoed()
    {
        var reading = ManifestReader.Read("f", Example.Tool($"input: {{minimum: {new string('9', 100_000)}}}"));

        Assert.All(reading.Errors, e => Assert.True(e.Message.Length < 300));
        Assert.Contains(reading.Errors, e => e.Field == "spec.input.minimum");
    }

    [Fact]
    public void A_flood_of_errors_is_cut_at_a_hundred_and_still_refuses_every_document()
    {
        var text = Head + "metadata:\n  name: acme\n" + string.Concat(Enumerable.Range(0, 5_000).Select(i => $"  x{i}: 1\n"));

        var reading = ManifestReader.Read("f", text + "---\napiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: BAD}\n");

        Assert.Equal(100, reading.Errors.Count);
        Assert.Empty(reading.Documents);
    }

    [Fact]
    public void A_file_with_too_many_documents_is_refused()
    {
        var text = string.Concat(Enumerable.Repeat("a: b\n---\n", 300));

        Assert.Contains(ManifestReader.Read("f", text).Errors, e => e.Message.Contains("at most 200 documents", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n...\n")]
    public void A_file_without_a_document_says_so(string text)
    {
        Assert.Equal("holds no document", Assert.Single(ManifestReader.Read("f", text).Errors).Message);
    }

    [Fact]
    public void Empty_documents_between_others_mean_nothing()
    {
        var reading = ManifestReader.Read("f", $"---\n---\n{Head}metadata: {{name: acme}}\n---\n");

        Assert.Equal([], reading.Errors);
        Assert.Single(reading.Documents);
    }

    [Fact]
    public void Random_damage_never_throws()
    {
        var random = new Random(7);
        var source = Example.Text;
        var damage = "{}[]:,-&*!|>'\"%@`#?\n\t x0\0\u00ff"u8.ToArray();

        for (var round = 0; round < 2_000; round++)
        {
            var bytes = Encoding.UTF8.GetBytes(source);

            for (var i = 0; i < 4; i++)
            {
                bytes[random.Next(bytes.Length)] = damage[random.Next(damage.Length)];
            }

            var reading = ManifestReader.Read("f", bytes);

            Assert.True(reading.IsValid || reading.Errors.All(e => e.Message.Length > 0));
        }
    }
}
