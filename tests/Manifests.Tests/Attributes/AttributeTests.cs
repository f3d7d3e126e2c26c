using System.Text.Json;
using Mesh.Manifests.Attributes;
using Mesh.Manifests.Kinds;
using Mesh.Manifests.Policies;

namespace Mesh.Manifests.Tests.Attributes;

public sealed class AttributeTests
{
    private static readonly ToolAttributes Attributes = Read("""
        input: {type: object, required: [text, who], properties: {text: {type: string}, choice: {enum: [a, b]}, whole: {type: integer},
              flag: {type: boolean}, tags: {type: array, items: {$ref: "#/$defs/tag"}}, maybe: {type: [string, "null"]}, half: {type: number},
              any: {type: string}, tool: {type: string}, loose: {}, who: {$ref: "#/$defs/person"}},
              $defs: {tag: {type: string}, person: {type: object, required: [mail], properties: {mail: {type: string}, age: {type: integer}}}}}
          attributes: {recipient: who.mail, age: who.age}
        """);

    [Fact]
    public void Types_come_from_the_input_schema_and_what_cannot_be_compared_is_left_out()
    {
        var types = Attributes.Declarations.Values.ToDictionary(d => d.Name, d => (d.Type, d.IsRequired));

        Assert.Equal(
            new Dictionary<string, (AttributeType, bool)>
            {
                ["text"] = (AttributeType.Text, true),
                ["choice"] = (AttributeType.Choice, false),
                ["whole"] = (AttributeType.Whole, false),
                ["flag"] = (AttributeType.Flag, false),
                ["tags"] = (AttributeType.Texts, false),
                ["maybe"] = (AttributeType.Text, false),
                ["recipient"] = (AttributeType.Text, true),
                ["age"] = (AttributeType.Whole, false),
            },
            types);
    }

    [Fact]
    public void Values_are_read_with_their_types()
    {
        var reading = Attributes.Read(JsonElement.Parse(
            """{"text":"t","choice":"b","whole":-3,"flag":true,"tags":["x","y","x"],"maybe":null,"who":{"mail":"a@b","age":1}}"""));

        Assert.Empty(reading.Refusals);
        Assert.Equal(new PolicyValue.Text("t"), reading.Values["text"]);
        Assert.Equal(new PolicyValue.Text("b"), reading.Values["choice"]);
        Assert.Equal(new PolicyValue.Whole(-3), reading.Values["whole"]);
        Assert.Equal(new PolicyValue.Flag(true), reading.Values["flag"]);
        Assert.Equal(["x", "y"], Assert.IsType<PolicyValue.Texts>(reading.Values["tags"]).Values);
        Assert.Equal(new PolicyValue.Text("a@b"), reading.Values["recipient"]);
        Assert.False(reading.Values.ContainsKey("maybe"));
    }

    [Theory]
    [InlineData("""{"text":"t","who":{}}""", "the attribute recipient is required")]
    [InlineData("""{"text":7,"who":{"mail":"m"}}""", "the attribute text is not of its declared type")]
    [InlineData("""{"text":"t","who":{"mail":"m"},"choice":"c"}""", "the attribute choice is not of its declared type")]
    [InlineData("""{"text":"t","who":{"mail":"m"},"whole":1.5}""", "the attribute whole is not of its declared type")]
    [InlineData("""{"text":"t","who":{"mail":"m"},"whole":9223372036854775808}""", "the attribute whole is not of its declared type")]
    [InlineData("""{"text":"t","who":{"mail":"m"},"tags":["x",1]}""", "the attribute tags is not of its declared type")]
    [InlineData("""[]""", "the attribute text is required")]
    public void A_value_of_another_type_is_a_refusal_and_never_a_value(string arguments, string refusal)
    {
        Assert.Contains(refusal, Attributes.Read(JsonElement.Parse(arguments)).Refusals);
    }

    private static ToolAttributes Read(string part)
    {
        var reading = ManifestReader.Read("f", Example.Tool(part));
        Assert.Equal([], reading.Errors);
        return ((ToolManifest)reading.Documents[0].Content).Attributes;
    }
}
