using System.Text;
using System.Text.Json;
using Mesh.Manifests.Templates;

namespace Mesh.Manifests.Tests.Templates;

public sealed class TemplateTests
{
    private const TemplateRoots All = TemplateRoots.Input | TemplateRoots.Body | TemplateRoots.IdempotencyKey | TemplateRoots.Value;

    [Theory]
    [InlineData("../admin")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a/../b")]
    [InlineData("a\\..\\b")]
    [InlineData("%2e%2e")]
    [InlineData("%252e%252e")]
    [InlineData("a%2f..%2fb")]
    [InlineData("a\nb")]
    [InlineData("42/cancel")]
    [InlineData("42\\cancel")]
    [InlineData("42%2Fcancel")]
    [InlineData("42%5ccancel")]
    [InlineData("42%252Fcancel")]
    [InlineData("42%25%32%46cancel")]
    [InlineData("42%2525252525252Fcancel")]
    public void A_value_that_would_leave_its_path_segment_is_refused(string value)
    {
        var path = PathTemplate.Parse("/v1/orders/{input.id}/items", All).Template!;

        var result = path.Fill(new TemplateValues { Input = Object(value) });

        Assert.Equal(TemplateRefusalReason.Unsafe, result.Refusal!.Reason);
        Assert.Equal("{input.id}", result.Refusal.Placeholder);
    }

    [Theory]
    [InlineData("..", "climb")]
    [InlineData("42/cancel", "a slash or a backslash")]
    [InlineData("a\r\nX: y", "a control character")]
    [InlineData("a%250Ab", "a control character")]
    public void What_is_wrong_with_a_value_in_a_path_is_said(string value, string words)
    {
        var path = PathTemplate.Parse("/v1/orders/{input.id}/items", All).Template!;

        Assert.Contains(words, path.Fill(new TemplateValues { Input = Object(value) }).Refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/orders/.{input.id}", ".")]
    [InlineData("/v1/orders/{input.id}{input.id}", ".")]
    [InlineData("/v1/orders/%2e{input.id}", ".")]
    [InlineData("/v1/orders/{input.id}2F", "42%")]
    [InlineData("/v1/orders/%25{input.id}", "2Fcancel")]
    public void Literal_and_values_cannot_make_a_climbing_or_a_second_segment_together(string template, string value)
    {
        var path = PathTemplate.Parse(template, All).Template!;

        Assert.Equal(TemplateRefusalReason.Unsafe, path.Fill(new TemplateValues { Input = Object(value) }).Refusal!.Reason);
    }

    [Theory]
    [InlineData("a?c#d", "/o/a%3Fc%23d?k=a%3Fc%23d")]
    [InlineData("100%", "/o/100%25?k=100%25")]
    [InlineData("a&x=1 +", "/o/a%26x%3D1%20%2B?k=a%26x%3D1%20%2B")]
    [InlineData("..a", "/o/..a?k=..a")]
    [InlineData("ñ😀", "/o/%C3%B1%F0%9F%98%80?k=%C3%B1%F0%9F%98%80")]
    public void A_value_stays_one_segment_and_one_parameter(string value, string expected)
    {
        var path = PathTemplate.Parse("/o/{input.id}?k={input.id}", All).Template!;

        Assert.Equal(expected, path.Fill(new TemplateValues { Input = Object(value) }).Value);
    }

    [Fact]
    public void A_slash_is_harmless_in_the_query_and_where_the_template_itself_has_it()
    {
        var path = PathTemplate.Parse("/repos/{input.id}%2F{input.id}?k={idempotencyKey}", All).Template!;

        Assert.Equal("/repos/a%2Fa?k=x%2Fy", path.Fill(new TemplateValues { Input = Object("a"), IdempotencyKey = "x/y" }).Value);
        Assert.False(path.Fill(new TemplateValues { Input = Object("a/b"), IdempotencyKey = "k" }).IsFilled);
    }

    [Fact]
    public void A_value_that_can_be_decoded_thousands_of_times_is_judged_quickly()
    {
        var path = PathTemplate.Parse("/v1/orders/{input.id}/items", All).Template!;
        var watch = System.Diagnostics.Stopwatch.StartNew();

        var deep = path.Fill(new TemplateValues { Input = Object("42%" + string.Concat(Enumerable.Repeat("25", 2_500)) + "2Fcancel") });
        var tooLong = path.Fill(new TemplateValues { Input = Object("42%" + string.Concat(Enumerable.Repeat("25", 100_000)) + "2Fcancel") });

        Assert.Equal(TemplateRefusalReason.Unsafe, deep.Refusal!.Reason);
        Assert.Equal(TemplateRefusalReason.TooLong, tooLong.Refusal!.Reason);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("{input.missing}", TemplateRefusalReason.Missing)]
    [InlineData("{input.none}", TemplateRefusalReason.Missing)]
    [InlineData("{input.id.deeper}", TemplateRefusalReason.Missing)]
    [InlineData("{body}", TemplateRefusalReason.Missing)]
    [InlineData("{input.list}", TemplateRefusalReason.WrongType)]
    [InlineData("{input}", TemplateRefusalReason.WrongType)]
    public void What_cannot_become_text_is_refused_by_the_placeholders_name(string template, TemplateRefusalReason reason)
    {
        var values = new TemplateValues { Input = JsonElement.Parse("""{"id":"x","none":null,"list":[1]}""") };

        var result = Template.Parse("a " + template, All).Template!.FillText(values);

        Assert.False(result.IsFilled);
        Assert.Equal((template, reason), (result.Refusal.Placeholder, result.Refusal.Reason));
    }

    [Fact]
    public void A_string_that_is_one_placeholder_keeps_the_values_type_and_others_become_text()
    {
        var body = JsonTemplate.Parse(JsonElement.Parse("""{"all":"{input}","n":"{input.n}","t":"n is {input.n}","k":"{idempotencyKey}","b":"{{x}}","f":1.5}"""), All).Template!;

        var json = body.Fill(new TemplateValues { Input = JsonElement.Parse("""{"n":3}"""), IdempotencyKey = "a\"b" });

        Assert.Equal("""{"all":{"n":3},"n":3,"t":"n is 3","k":"a\u0022b","b":"{x}","f":1.5}""", Encoding.UTF8.GetString(json.Value!));
    }

    [Fact]
    public void A_value_that_looks_like_a_template_is_not_filled_again()
    {
        var body = JsonTemplate.Parse(JsonElement.Parse("""["{input.id}", "x{input.id}"]"""), All).Template!;

        var json = body.Fill(new TemplateValues { Input = Object("{value}"), Value = "the secret" });

        Assert.Equal("""["{value}","x{value}"]""", Encoding.UTF8.GetString(json.Value!));
    }

    [Fact]
    public void A_text_that_grows_without_bound_is_refused()
    {
        var template = Template.Parse(string.Concat(Enumerable.Repeat("{input.id}", 100)), All).Template!;

        var result = template.FillText(new TemplateValues { Input = Object(new string('x', 10_000)) });

        Assert.Equal(TemplateRefusalReason.TooLong, result.Refusal!.Reason);
    }

    [Fact]
    public void Values_and_results_do_not_show_a_secret_when_printed()
    {
        var values = new TemplateValues { Value = "hunter2" };
        var result = Template.Parse("Bearer {value}", TemplateRoots.Value).Template!.FillText(values);

        Assert.Equal("Bearer hunter2", result.Value);
        Assert.DoesNotContain("hunter2", $"{values} {result}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "no closing one")]
    [InlineData("}", "no opening one")]
    [InlineData("{}", "not known here")]
    [InlineData("{input.}", "member without a name")]
    [InlineData("{input..a}", "member without a name")]
    [InlineData("{ input}", "not known here")]
    [InlineData("{value.x}", "has no members")]
    [InlineData("{env}", "not known here")]
    public void A_template_with_a_slip_is_refused_when_it_is_read(string text, string why)
    {
        Assert.Contains(why, Template.Parse(text, All).Error!, StringComparison.Ordinal);
    }

    private static JsonElement Object(string id) => JsonElement.Parse($$"""{"id":"{{JsonEncodedText.Encode(id)}}"}""");
}
