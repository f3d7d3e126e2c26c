using Mesh.Cli;

namespace Cli.Tests;

public sealed class LengthOfTimeTests
{
    [Theory]
    [InlineData("30", 30)]
    [InlineData("90s", 90)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7_200)]
    [InlineData("7d", 604_800)]
    public void A_length_of_time_has_a_unit_or_is_in_seconds(string said, double seconds)
    {
        Assert.True(LengthOfTime.TryParse(said, out var length));
        Assert.Equal(seconds, length.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5s")]
    [InlineData("s")]
    [InlineData("5w")]
    [InlineData("1e9d")]
    [InlineData("99999d")]
    public void What_is_no_length_of_time_is_refused(string said) => Assert.False(LengthOfTime.TryParse(said, out _));
}
