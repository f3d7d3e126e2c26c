using System.Diagnostics;
using System.Text.Json;
using Mesh.Cli;

namespace Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("dev", "--port", "80")]
    [InlineData("dev", "--port", "many")]
    [InlineData("dev", "--nonsense")]
    [InlineData("nonsense")]
    [InlineData]
    public async Task What_cannot_be_understood_ends_with_2(params string[] arguments)
    {
        var (exitCode, output, errors) = await RunAsync(arguments);

        Assert.Equal(ExitCodes.Usage, exitCode);
        Assert.NotEmpty(errors);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_understood_is_json_on_standard_error_where_json_was_asked_for()
    {
        var (exitCode, output, errors) = await RunAsync("dev", "--port", "80", "-o", "json");

        Assert.Equal(ExitCodes.Usage, exitCode);
        Assert.Empty(output);
        using var json = JsonDocument.Parse(errors);
        Assert.Equal("USAGE", json.RootElement.GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData("group add", "TENANT is missing: Whose group it is.\nGROUP is missing: The group, as an approval's roles name it.\nPERSON is missing: The person.")]
    [InlineData("group add acme finance", "PERSON is missing: The person.")]
    [InlineData("task start", "WORKFLOW is missing: The workflow's name.")]
    public async Task Each_argument_that_is_missing_is_named_once(string line, string told)
    {
        var (exitCode, output, errors) = await RunAsync(line.Split(' '));
        var (_, _, json) = await RunAsync([.. line.Split(' '), "-o", "json"]);

        Assert.Equal((ExitCodes.Usage, "", told), (exitCode, output, errors.TrimEnd()));
        using var problem = JsonDocument.Parse(json);
        Assert.Equal(told.Replace('\n', ' '), problem.RootElement.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Whoever_asks_for_help_made_no_mistake()
    {
        var (exitCode, output, errors) = await RunAsync("task", "start", "--help");

        Assert.Equal(ExitCodes.Done, exitCode);
        Assert.Contains("mesh task start <WORKFLOW>", output, StringComparison.Ordinal);
        Assert.Empty(errors);
    }

    [Fact]
    public async Task A_form_that_there_is_not_is_refused_with_those_that_there_are()
    {
        var (_, _, errors) = await RunAsync("version", "-o", "xml");

        Assert.Contains("--output must be one of table, json, jsonl, yaml, name, not 'xml'.", errors, StringComparison.Ordinal);
        Assert.DoesNotContain(nameof(Mesh.Cli.Output.OutputForm), errors, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using var cli = Process.Start(new ProcessStartInfo(Child, [Path.Combine(AppContext.BaseDirectory, "Mesh.Cli.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = cli.StandardOutput.ReadToEndAsync();
        var errors = await cli.StandardError.ReadToEndAsync();
        await cli.WaitForExitAsync();
        return (cli.ExitCode, await output, errors);
    }

    private static string Child => Mesh.Cli.Dev.Child.Dotnet;
}
