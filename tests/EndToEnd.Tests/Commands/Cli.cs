using System.Diagnostics;
using System.Text.Json;
using EndToEnd.Tests.Fixture;

namespace EndToEnd.Tests.Commands;

/// <summary><c>./mesh</c> as a script runs it: what is asked of which mesh, and what came back.</summary>
public sealed class Cli(Desk desk, string data)
{
    /// <summary>Runs a verb that answers with one JSON document.</summary>
    public async Task<JsonElement> JsonAsync(string verb, int exitCode = 0, string? input = null)
    {
        var said = await RunAsync($"{verb} -o json", input);
        Assert.True(said.ExitCode == exitCode, $"mesh {verb}: {said}");
        Assert.Empty(said.Errors);
        return JsonSerializer.Deserialize<JsonElement>(said.Output);
    }

    /// <summary>Runs a verb that is refused, and answers the one JSON object that says why.</summary>
    public async Task<JsonElement> RefusedAsync(string verb, int exitCode, string? input = null)
    {
        var said = await RunAsync($"{verb} -o json", input);
        Assert.True(said.ExitCode == exitCode, $"mesh {verb}: {said}");
        Assert.Empty(said.Output);
        return JsonSerializer.Deserialize<JsonElement>(said.Errors);
    }

    public async Task<(int ExitCode, string Output, string Errors)> RunAsync(string line, string? input = null)
    {
        using var cli = Start(line);
        var (output, errors) = (cli.StandardOutput.ReadToEndAsync(), cli.StandardError.ReadToEndAsync());
        await cli.StandardInput.WriteAsync(input);
        cli.StandardInput.Close();
        await cli.WaitForExitAsync();
        return (cli.ExitCode, await output, await errors);
    }

    /// <summary>Starts it by a shell, so that the line may quote as people do; the shell becomes the command.</summary>
    public Process Start(string line) => Process.Start(new ProcessStartInfo("bash", ["-c", $"exec ./mesh {line} --data '{data}'"])
    {
        WorkingDirectory = desk.Folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
