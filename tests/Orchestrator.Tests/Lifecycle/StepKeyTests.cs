using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Tests.Lifecycle;

/// <summary>The grammar of step keys.</summary>
public sealed class StepKeyTests
{
    [Theory]
    [InlineData("tool#0", "")]
    [InlineData("draft#12", "")]
    [InlineData("items/crm.get_order#3", "items")]
    public void A_key_is_a_name_and_its_number_in_a_branch(string text, string branch)
    {
        Assert.True(StepKey.TryParse(text, out var key));
        Assert.Equal(branch, key.Branch);
        Assert.Equal(text, key.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("tool")]
    [InlineData("#1")]
    [InlineData("/tool#1")]
    [InlineData("a/#1")]
    [InlineData("a/b/tool#1")]
    [InlineData("tool#-1")]
    [InlineData("tool#01")]
    [InlineData("tool#1 ")]
    [InlineData("to ol#1")]
    [InlineData("tööl#1")]
    [InlineData("tool#99999999999")]
    public void Anything_else_is_refused(string text) => Assert.False(StepKey.TryParse(text, out _));

    [Fact]
    public void A_key_has_at_most_128_characters()
    {
        Assert.True(StepKey.TryParse(new string('a', 126) + "#0", out _));
        Assert.False(StepKey.TryParse(new string('a', 127) + "#0", out _));
    }
}
