using Google.Rpc;
using Mesh.Cli.Output;

namespace Cli.Tests.Output;

public sealed class PrinterTests
{
    private static readonly Table<ErrorInfo> Shown = new(
        item => item.Reason,
        new("reason", item => item.Reason),
        new("domain", item => item.Domain));

    private static readonly ErrorInfo[] Two = [new() { Reason = "A", Domain = "mesh" }, new() { Reason = "LONGER", Domain = "x\ny\u001b[31m" }];

    [Fact]
    public void An_empty_list_is_an_empty_json_array() => Assert.Equal("[]", Print(OutputForm.Json, []));

    [Fact]
    public void A_json_list_is_one_document_with_proto_json_names() =>
        Assert.Equal(
            """[{"reason":"A","domain":"mesh","metadata":{}}]""",
            string.Concat(Print(OutputForm.Json, Two[..1]).Where(sign => !char.IsWhiteSpace(sign))));

    [Fact]
    public void Json_escapes_no_more_than_json_needs()
    {
        ErrorInfo[] items = [new() { Domain = """{"a":1}, 'b' + é""" }];

        foreach (var form in (OutputForm[])[OutputForm.Json, OutputForm.Jsonl])
        {
            Assert.Contains(@"{\""a\"":1}, 'b' + é", Print(form, items), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Jsonl_is_one_object_per_line_and_nothing_for_nothing()
    {
        Assert.Equal(2, Print(OutputForm.Jsonl, Two).Split(Environment.NewLine).Length);
        Assert.Empty(Print(OutputForm.Jsonl, []));
    }

    [Fact]
    public void Yaml_is_one_document_in_which_no_text_is_taken_for_something_else()
    {
        ErrorInfo[] items = [new() { Reason = "A", Domain = "1.10", Metadata = { ["no"] = "two words", ["at"] = "2026-11-25" } }];

        Assert.Equal(
            ["-", "  reason: A", "  domain: \"1.10\"", "  metadata:", "    \"no\": \"two words\"", "    at: \"2026-11-25\""],
            Print(OutputForm.Yaml, items).Split(Environment.NewLine));
        Assert.Equal("[]", Print(OutputForm.Yaml, []));
    }

    [Fact]
    public void Names_are_one_per_line() =>
        Assert.Equal(["A", "LONGER"], Print(OutputForm.Name, Two).Split(Environment.NewLine));

    [Fact]
    public void A_table_is_aligned_and_what_people_wrote_cannot_break_it_or_speak_to_the_terminal() =>
        Assert.Equal(["REASON  DOMAIN", "A       mesh", "LONGER  x y [31m"], Print(OutputForm.Table, Two).Split(Environment.NewLine));

    private static string Print(OutputForm form, ErrorInfo[] items)
    {
        using var to = new StringWriter();
        new Printer(form, to).PrintList(items, Shown);
        return to.ToString().TrimEnd();
    }
}
