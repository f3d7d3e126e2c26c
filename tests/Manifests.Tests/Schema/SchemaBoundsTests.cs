using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Mesh.Manifests.Schema;

namespace Mesh.Manifests.Tests.Schema;

public sealed class SchemaBoundsTests
{
    [Fact]
    public void A_violation_names_its_place_and_limit_and_never_the_value()
    {
        var schema = Compile("""{"properties":{"a/b":{"items":{"properties":{"amount":{"maximum":5000}}}},"mail":{"pattern":"^a$"}}}""");

        var violations = schema.Validate(JsonElement.Parse("""{"a/b":[{},{"amount":5001}],"mail":"private"}"""));

        Assert.Equal(
            [new SchemaViolation("/a~1b/1/amount", "must be at most 5000"), new SchemaViolation("/mail", "must match the pattern ^a$")],
            violations);
    }

    [Fact]
    public void A_schema_that_doubles_with_every_level_is_stopped_also_inside_not()
    {
        var defs = string.Join(',', Enumerable.Range(0, 40).Select(i => $$"""
            "d{{i}}":{"anyOf":[{"$ref":"#/$defs/d{{i + 1}}"}, {"$ref":"#/$defs/d{{i + 1}}"}]}
            """)) + ",\"d40\":false";
        var schema = Compile($$$"""{"$defs":{{{{defs}}}},"not":{"$ref":"#/$defs/d0"}}""");
        var clock = Stopwatch.StartNew();

        var violation = Assert.Single(schema.Validate("1"u8));

        Assert.Contains("needs more than", violation.Message, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_long_chain_of_references_over_a_deep_value_does_not_exhaust_the_stack()
    {
        var defs = string.Join(',', Enumerable.Range(0, 300).Select(i => $$"""
            "d{{i}}":{"$ref":"#/$defs/d{{i + 1}}"}
            """)) + """,  "d300":{"items":{"$ref":"#/$defs/d0"}}""";
        var schema = Compile($$$"""{"$defs":{{{{defs}}}},"$ref":"#/$defs/d0"}""");

        var violations = schema.Validate(Encoding.UTF8.GetBytes(new string('[', 50) + new string(']', 50)));

        Assert.Contains("levels", Assert.Single(violations).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1e999999999")]
    [InlineData("1e-999999999")]
    public void A_number_of_monstrous_size_is_a_violation_and_costs_nothing(string number)
    {
        var schema = Compile("""{"multipleOf":0.01}""");

        Assert.Contains("exponent", Assert.Single(schema.Validate(Encoding.UTF8.GetBytes(number))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{")]
    [InlineData("")]
    public void Text_that_is_no_JSON_is_a_violation(string text)
    {
        Assert.Equal("", Assert.Single(JsonSchema.Anything.Validate(Encoding.UTF8.GetBytes(text))).InstancePath);
    }

    [Fact]
    public void At_most_twenty_violations_are_listed()
    {
        var schema = Compile("""{"items":{"type":"string"}}""");

        Assert.Equal(20, schema.Validate(JsonElement.Parse($"[{string.Join(',', Enumerable.Repeat('1', 500))}]")).Count);
    }

    private static JsonSchema Compile(string schema)
    {
        var compilation = JsonSchema.Compile(Encoding.UTF8.GetBytes(schema));
        Assert.Equal([], compilation.Errors);
        return compilation.Schema!;
    }
}
