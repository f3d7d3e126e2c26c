using System.Text;
using Mesh.Cli.Output;
using Mesh.Cli.Secrets;

namespace Cli.Tests.Secrets;

public sealed class SecretInputTests
{
    [Theory]
    [InlineData("key", "key")]
    [InlineData("key\n", "key")]
    [InlineData("key\r\n", "key")]
    [InlineData("key\n\n", "key\n")]
    [InlineData(" key ", " key ")]
    public void A_pipe_is_taken_as_it_is_without_one_newline_at_the_end(string piped, string value) =>
        Assert.Equal(value, Encoding.UTF8.GetString(SecretInput.ReadPipe(new MemoryStream(Encoding.UTF8.GetBytes(piped)))));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    public void An_empty_secret_is_refused(string piped) =>
        Assert.Throws<ProblemException>(() => SecretInput.ReadPipe(new MemoryStream(Encoding.UTF8.GetBytes(piped))));

    [Fact]
    public void A_secret_above_64_KiB_is_refused() =>
        Assert.Throws<ProblemException>(() => SecretInput.ReadPipe(new MemoryStream(new byte[70_000])));
}
