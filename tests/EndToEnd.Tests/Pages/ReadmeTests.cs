using System.Text.RegularExpressions;
using EndToEnd.Tests.Fixture;
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
        using var desk = new Desk(FreePorts.One());
        var ci = await File.ReadAllLinesAsync(Path.Combine(Repository.Root, ".ci", "run"), Stop);
        await using var first = new Terminal(desk.Folder, home.Path);
        await using var second = new Terminal(desk.Folder, home.Path);
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

                var (exitCode, output) = await second.RunAsync(desk.Here(Placeholder().Replace(typed, word => word.Value == "ID" ? task : approval)), Stop);

                Assert.True(exitCode == (typed.EndsWith("--until-approval", StringComparison.Ordinal) ? 7 : 0), $"{page}: {typed}: {exitCode}: {output}{second.Errors}");
                task = TaskLine().Match(output) is { Success: true } started ? started.Groups[1].Value : task;
                approval = ApprovalLine().Match(output) is { Success: true } waiting ? waiting.Groups[1].Value : approval;
            }
        }
        finally
        {
            await EndAsync(desk);
        }

        Assert.NotEmpty(task);
    }

    public void Dispose() => home.Dispose();

    private static IEnumerable<string> CommandsOf(string page) => CommandBlock()
        .Matches(File.ReadAllText(Path.Combine(Repository.Root, page)))
        .SelectMany(block => block.Groups[1].Value.Replace("\\\n", "", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries));

    private static async Task EndAsync(Desk desk)
    {
        var run = desk.In(".mesh", "run.json");

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
