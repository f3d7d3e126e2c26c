using System.Text.RegularExpressions;
using EndToEnd.Tests.Fixture;
using Mesh.TestKit;

namespace EndToEnd.Tests.Tracing;

/// <summary>The page about metrics, against what six services show and export: no metric without a row, and no row without a metric.</summary>
[Collection(nameof(Watched))]
public sealed partial class MetricsPageTests(TracedMesh mesh)
{
    private static readonly string[] Services = ["ingress", "policy", "orchestrator", "vault", "audit", "toolrunner"];

    private static readonly IReadOnlyList<Row> Page =
    [
        .. RowOfThePage().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/operating/observability.md"))).Select(match => new Row(
            match.Groups["name"].Value,
            match.Groups["prometheus"].Value,
            match.Groups["unit"].Value.Trim(),
            Words(match.Groups["attributes"].Value),
            match.Groups["by"].Value.Trim() == "all" ? Services : [.. Words(match.Groups["by"].Value).Select(service => service.Replace(" ", "", StringComparison.Ordinal))])),
    ];

    [Fact]
    public async Task Every_service_shows_the_metrics_that_the_page_says_and_no_others()
    {
        await PlayAsync();
        var shown = new Dictionary<string, string[]>();

        try
        {
            // Some are named with their first use, and that is soon.
            await Eventually.Async(
                async () =>
                {
                    foreach (var service in Services)
                    {
                        shown[service] = [.. TypeLine().Matches(await mesh.MetricsOfAsync(service)).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
                    }

                    return Services.All(service => shown[service].SequenceEqual(Documented(service)));
                },
                TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            Assert.All(Services, service => Assert.Equal(Documented(service), shown[service]));
        }
    }

    [Fact]
    public async Task Every_series_has_the_attributes_that_the_page_says()
    {
        await PlayAsync();
        var lines = string.Concat(await Task.WhenAll(Services.Select(mesh.MetricsOfAsync))).Split('\n').Where(line => line.StartsWith("mesh_", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var series = Series().Match(line);
            Assert.True(series.Success, line);
            var name = series.Groups[1].Value;
            var row = Page.SingleOrDefault(each => each.Prometheus == name) ?? Page.Single(each => each.Prometheus == HistogramPart().Replace(name, ""));
            Assert.Subset(row.Attributes.Append("le").ToHashSet(), Label().Matches(series.Groups[2].Value).Select(match => match.Groups[1].Value).ToHashSet());
        });
    }

    [Fact]
    public async Task What_is_exported_has_the_names_and_units_of_the_page()
    {
        await PlayAsync();
        var documented = Page.ToDictionary(row => row.Name, row => row.Unit);

        // Lag, queues, limits and refusals: what the alerts are about; and what they know a process by.
        await Eventually.Async(
            () => mesh.Receiver.Metrics.Keys.ToHashSet().IsSupersetOf(["mesh.outbox.age", "mesh.bus.dead_letters", "mesh.audit.facts.lag", "mesh.audit.checkpoint.behind", "mesh.limit.use", "mesh.task.live", "dotnet.process.cpu.count"]),
            TimeSpan.FromSeconds(60));

        Assert.All(mesh.Receiver.Metrics.Where(metric => metric.Key.StartsWith("mesh.", StringComparison.Ordinal)), metric => Assert.Equal(metric.Value, documented.GetValueOrDefault(metric.Key, $"no row for {metric.Key}")));
    }

    private async Task PlayAsync()
    {
        using var unsigned = new HttpClient();
        await unsigned.PostAsync(new Uri(mesh.Node.ReadRun().Http + "/hooks/acme/shop"), new StringContent("{}"), TestContext.Current.CancellationToken);
        var task = await mesh.Webhooks.DeliverAsync(RefundMesh.Acme, await mesh.OfferOrderAsync());
        await mesh.RestAsync(task);
        await mesh.AssertEveryFactIsLoggedOnceAsync(task);
    }

    private static string[] Documented(string service) => [.. Page.Where(row => row.ShownBy.Contains(service)).Select(row => row.Prometheus).Order(StringComparer.Ordinal)];

    private static string[] Words(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"^\| `(?<name>mesh\.[a-z_.]+)` \| `(?<prometheus>mesh_[a-z_]+)` \|(?<unit>[^|]*)\|(?<attributes>[^|]*)\|(?<by>[^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex RowOfThePage();

    [GeneratedRegex("^# TYPE (mesh_[a-z_]+) ", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^(mesh_[a-z_]+)(?:\{(.*)\})? \S+$")]
    private static partial Regex Series();

    [GeneratedRegex("([a-z_]+)=\"")]
    private static partial Regex Label();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramPart();

    private sealed record Row(string Name, string Prometheus, string Unit, IReadOnlyList<string> Attributes, IReadOnlyList<string> ShownBy);
}
