using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.Cli.Dev;
using Mesh.TestKit;

namespace EndToEnd.Tests.Pages;

/// <summary>The commands of the pages, typed as they stand there by a reader who has nothing else.</summary>
public sealed partial class ReadmeTests : IDisposable
{
    private const string Launch = "./mesh dev";

    // Two that would run the others' time again, and themselves.
    private static readonly string[] RunByCi = ["./mesh demo", "./mesh test"];

    private readonly OpenFolder home = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("README.md")]
    [InlineData("sdk/samples/refund/README.md")]
    public async Task Every_command_of_a_page_works_in_the_order_in_which_it_stands(string page)
    {
        using var desk = new OpenFolder();
        var shopPort = $"{FreePorts.One()}";
        LayOut(desk.Path, shopPort);
        var ci = await File.ReadAllLinesAsync(Path.Combine(Repository.Root, ".ci", "run"), Stop);
        await using var first = new Terminal(desk.Path, home.Path);
        await using var second = new Terminal(desk.Path, home.Path);
        var (task, approval) = ("", "");

        try
        {
            foreach (var typed in CommandsOf(page))
            {
                if (RunByCi.Contains(typed))
                {
                    Assert.Contains(typed, ci);
                    continue;
                }

                if (typed == Launch)
                {
                    await first.StartAsync(typed, "ready", Stop);
                    continue;
                }

                var (exitCode, output) = await second.RunAsync(Placeholder().Replace(typed, word => word.Value == "ID" ? task : approval).Replace("7390", shopPort, StringComparison.Ordinal), Stop);

                Assert.True(exitCode == (typed.EndsWith("--until-approval", StringComparison.Ordinal) ? 7 : 0), $"{page}: {typed}: {exitCode}: {output}{second.Errors}");
                task = TaskLine().Match(output) is { Success: true } started ? started.Groups[1].Value : task;
                approval = ApprovalLine().Match(output) is { Success: true } waiting ? waiting.Groups[1].Value : approval;
            }
        }
        finally
        {
            await EndAsync(desk.Path);
        }

        Assert.NotEmpty(task);
    }

    public void Dispose() => home.Dispose();

    // The checkout as a reader sees it, with a shop on a port of its own and the mesh's folder apart from everybody else's.
    private static void LayOut(string desk, string shopPort)
    {
        var script = Path.Combine(desk, "mesh");
        File.WriteAllText(script, string.Create(CultureInfo.InvariantCulture, $"#!/usr/bin/env bash\nexec '{Repository.Root}/mesh' \"$@\"\n"));
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Directory.CreateSymbolicLink(Path.Combine(desk, "artifacts"), Path.Combine(Repository.Root, "artifacts"));
        var manifests = Directory.CreateDirectory(Path.Combine(desk, "sdk", "samples", "refund", "manifests")).FullName;

        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "sdk", "samples", "refund", "manifests")))
        {
            File.WriteAllText(Path.Combine(manifests, Path.GetFileName(file)), File.ReadAllText(file).Replace("7390", shopPort, StringComparison.Ordinal));
        }
    }

    private static IEnumerable<string> CommandsOf(string page) => CommandBlock()
        .Matches(File.ReadAllText(Path.Combine(Repository.Root, page)))
        .SelectMany(block => block.Groups[1].Value.Replace("\\\n", "", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries));

    private static async Task EndAsync(string desk)
    {
        var run = Path.Combine(desk, ".mesh", "run.json");

        if (File.Exists(run))
        {
            var launcher = RunFile.Read(run).Launcher;
            DevMesh.Signal(launcher, 15);
            await Eventually.Async(() => !Directory.Exists($"/proc/{launcher}"));
        }
    }

    [GeneratedRegex("^```sh\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CommandBlock();

    [GeneratedRegex(@"\b(ID|APPROVAL)\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^task +([0-9a-f-]{36})$", RegexOptions.Multiline)]
    private static partial Regex TaskLine();

    [GeneratedRegex(@"^([0-9a-f]{8}) +pending", RegexOptions.Multiline)]
    private static partial Regex ApprovalLine();
}
