using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Mesh.Tidy.Tests;

/// <summary>
/// The overlay that watches a mesh, checked as configuration: what it mounts is there, and what it asks for is measured. That the page's
/// metrics are those of the services is the business of a test that has services.
/// </summary>
public sealed partial class WhatWatchesTheMesh
{
    private const string Overlay = "compose/compose.observability.yaml";
    private const string Folder = "compose/observability";
    private const string Page = "docs/operating/observability.md";

    private static readonly string[] Services = ["ingress", "policy", "orchestrator", "vault", "audit", "toolrunner"];

    [Fact]
    public void Every_service_is_told_where_the_collector_listens()
    {
        var services = Map(Yaml(Overlay), "services");
        var collector = Map(Map(Map(Map(Yaml($"{Folder}/collector.yaml"), "receivers"), "otlp"), "protocols"), "grpc");

        Assert.All(Services, service => Assert.Equal("http://collector:4317", Text(Map(Map(services, service), "environment"), "OTEL_EXPORTER_OTLP_ENDPOINT")));
        Assert.Equal("0.0.0.0:4317", Text(collector, "endpoint"));
    }

    [Fact]
    public void The_collector_is_on_a_network_of_every_service()
    {
        var mesh = Map(Yaml("compose/compose.yaml"), "services");
        var collector = Items(Map(Map(Yaml(Overlay), "services"), "collector"), "networks").ToList();

        Assert.All(Services, service => Assert.NotEmpty(Items(Map(mesh, service), "networks").Intersect(collector)));
        Assert.Contains("default", collector);
    }

    [Fact]
    public void Every_image_is_pinned_by_a_version_and_every_container_is_locked_down()
    {
        var added = Map(Yaml(Overlay), "services").Children.Where(pair => !Services.Contains(Name(pair.Key))).ToList();

        Assert.Equal(4, added.Count);
        Assert.All(added, pair =>
        {
            var service = (YamlMappingNode)pair.Value;
            Assert.Matches("^[a-z/-]+:v?[0-9]+\\.[0-9]+\\.[0-9]+$", Text(service, "image"));
            Assert.Contains(service.Children, each => Name(each.Key) == "<<");
            Assert.NotEmpty(Text(service, "mem_limit"));

            // Open to this machine only, or not at all.
            Assert.All(Items(service, "ports"), port => Assert.StartsWith("127.0.0.1:", port, StringComparison.Ordinal));
        });
    }

    [Fact]
    public void Every_mounted_file_is_there_and_is_read_where_it_is_mounted()
    {
        var services = Map(Yaml(Overlay), "services");
        var volumes = Map(Yaml(Overlay), "volumes").Children.Select(pair => Name(pair.Key)).ToList();
        var mounts = services.Children.SelectMany(pair => Items((YamlMappingNode)pair.Value, "volumes")).Select(mount => mount.Split(':')).ToList();

        Assert.All(mounts, mount => Assert.True(mount[0].StartsWith("./", StringComparison.Ordinal) ? Tree.Exists($"compose/{mount[0][2..]}") : volumes.Contains(mount[0]), mount[0]));
        Assert.All(Directory.GetFiles(Path.Combine(Tree.Root, Folder), "*.yaml", SearchOption.AllDirectories), file =>
            Assert.Contains(mounts, mount => Path.GetFullPath(Path.Combine(Tree.Root, "compose", mount[0])) == file));

        var commands = services.Children.SelectMany(pair => Items((YamlMappingNode)pair.Value, "command")).Select(argument => argument.Split('=')).Where(argument => argument.Length == 2);
        Assert.All(commands.Where(argument => argument[1].StartsWith("/etc", StringComparison.Ordinal)), argument => Assert.Contains(mounts, mount => mount[1] == argument[1]));
    }

    [Fact]
    public void What_the_collector_takes_goes_to_places_that_are_there()
    {
        var collector = Yaml($"{Folder}/collector.yaml");

        foreach (var pipeline in Map(Map(collector, "service"), "pipelines").Children.Values.Cast<YamlMappingNode>())
        {
            foreach (var kind in (string[])["receivers", "processors", "exporters"])
            {
                Assert.Subset(Map(collector, kind).Children.Keys.Select(Name).ToHashSet(), Items(pipeline, kind).ToHashSet());
            }
        }

        var hosts = Map(Yaml(Overlay), "services").Children.Keys.Select(Name).ToHashSet();
        var named = new[] { "collector.yaml", "prometheus.yaml", "grafana/datasources.yaml" }.SelectMany(file => Host().Matches(Tree.Read($"{Folder}/{file}")).Select(match => match.Groups[1].Value)).ToHashSet();
        Assert.Equal(["collector", "prometheus", "tempo"], named.Order());
        Assert.Subset(hosts, named);
    }

    [Fact]
    public void Every_alert_and_every_panel_asks_for_metrics_that_the_page_describes()
    {
        // Prometheus's own, and the runtime's that every process has from its first export on.
        var described = MetricsOfThePage().Concat(["up", "dotnet_process_cpu_count"]).ToHashSet();
        var asked = Alerts().Concat(Panels()).ToList();

        Assert.All(asked, query =>
        {
            var names = Metric().Matches(query).Select(match => match.Value).ToList();
            Assert.NotEmpty(names);
            Assert.All(names, name => Assert.Contains(name, described));
        });
    }

    [Fact]
    public void Every_metric_of_the_page_is_in_a_panel_or_an_alert()
    {
        var asked = Alerts().Concat(Panels()).SelectMany(query => Metric().Matches(query)).Select(match => Plain(match.Value)).ToHashSet();

        Assert.NotEmpty(AttributesOfThePage());
        Assert.Empty(AttributesOfThePage().Keys.Except(asked));
    }

    [Fact]
    public void Every_query_closes_what_it_opens_and_groups_by_labels_that_its_metrics_have()
    {
        // By Prometheus; by the collector, from the resource; and what a histogram has.
        string[] always = ["job", "service_name", "service_instance_id", "le"];
        var attributes = AttributesOfThePage();

        Assert.All(Alerts().Concat(Panels()), query =>
        {
            Assert.Equal(query.Count(sign => sign == '('), query.Count(sign => sign == ')'));
            Assert.Equal(query.Count(sign => sign == '{'), query.Count(sign => sign == '}'));
            Assert.Equal(0, query.Count(sign => sign == '"') % 2);

            var known = Metric().Matches(query).SelectMany(match => attributes.GetValueOrDefault(Plain(match.Value), [])).Concat(always).ToHashSet();
            var used = Grouping().Matches(query).SelectMany(match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                .Concat(Matcher().Matches(query).Select(match => match.Groups[1].Value));
            Assert.Subset(known, used.ToHashSet());
        });
    }

    [Fact]
    public void The_collector_and_every_service_are_missed_when_they_are_gone()
    {
        var job = Text((YamlMappingNode)((YamlSequenceNode)Yaml($"{Folder}/prometheus.yaml").Children["scrape_configs"]).Children.Single(), "job_name");

        Assert.Contains($"up{{job=\"{job}\"}} == 0 or absent(up{{job=\"{job}\"}})", Alerts());
        Assert.All(Alerts().SelectMany(query => Job().Matches(query)), match => Assert.Equal(job, match.Groups[1].Value));
        Assert.Equal(Services.Order(), Alerts().SelectMany(query => Missed().Matches(query)).Select(match => match.Groups[1].Value).Order());
    }

    [Fact]
    public async Task Alerts_fire_when_they_are_meant_to_and_at_no_other_time()
    {
        var promtool = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(promtool is null, "Without promtool (in Debian's package prometheus) no alert is played.");

        using var played = Process.Start(new ProcessStartInfo(promtool, ["test", "rules", Path.Combine(Tree.Root, "tests/Tidy.Tests/alerts.promtool.yaml")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await Task.WhenAll(played.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), played.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await played.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(played.ExitCode == 0, string.Concat(said));
    }

    [Fact]
    public void Every_reason_that_an_alert_names_is_one_that_services_give()
    {
        var reasons = ReasonValue().Matches(Tree.Read("proto/mesh/errors/v1/errors.proto")).Select(match => match.Groups[1].Value).ToHashSet();
        var named = Alerts().SelectMany(query => ReasonMatcher().Matches(query)).SelectMany(match => match.Groups[1].Value.Split('|')).ToList();

        Assert.NotEmpty(named);
        Assert.All(named, reason => Assert.Contains(reason, reasons));
    }

    [Fact]
    public void Every_panel_and_every_data_source_has_its_own_name_and_place()
    {
        using var dashboard = JsonDocument.Parse(Tree.Read($"{Folder}/grafana/dashboards/mesh.json"));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().ToList();
        var sources = ((YamlSequenceNode)Yaml($"{Folder}/grafana/datasources.yaml").Children["datasources"]).Children.Select(source => Text((YamlMappingNode)source, "uid")).ToHashSet();

        Assert.Equal(panels.Count, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(panels.Count, panels.Select(panel => panel.GetProperty("gridPos").ToString()).Distinct().Count());
        Assert.Equal(panels.Sum(panel => Cells(panel).Count()), panels.SelectMany(Cells).Distinct().Count());
        Assert.All(panels.Where(panel => panel.TryGetProperty("datasource", out _)), panel => Assert.Contains(panel.GetProperty("datasource").GetProperty("uid").GetString()!, sources));
    }

    private static List<string> Alerts() =>
    [
        .. ((YamlSequenceNode)Yaml($"{Folder}/alerts.yaml").Children["groups"]).Children
            .SelectMany(group => ((YamlSequenceNode)((YamlMappingNode)group).Children["rules"]).Children)
            .Select(rule => Text((YamlMappingNode)rule, "expr")),
    ];

    private static List<string> Panels()
    {
        using var dashboard = JsonDocument.Parse(Tree.Read($"{Folder}/grafana/dashboards/mesh.json"));

        return
        [
            .. dashboard.RootElement.GetProperty("panels").EnumerateArray()
                .Where(panel => panel.GetProperty("type").GetString() != "row")
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
                .Select(target => target.GetProperty("expr").GetString()!),
        ];
    }

    private static IEnumerable<(int X, int Y)> Cells(JsonElement panel)
    {
        var place = panel.GetProperty("gridPos");

        return from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
               from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
               select (x, y);
    }

    // What is a histogram there has the three of a histogram here, and not its own name.
    private static HashSet<string> MetricsOfThePage() =>
        [.. AttributesOfThePage().Keys.SelectMany(name => IsHistogram(name) ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"] : new[] { name })];

    private static Dictionary<string, string[]> AttributesOfThePage() => Row().Matches(Tree.Read(Page)).ToDictionary(
        row => row.Groups[1].Value,
        row => row.Groups[2].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static bool IsHistogram(string name) => Regex.IsMatch(name, "(_duration_seconds|_lag_seconds|_batch_size|_utilization)$");

    private static string Plain(string name) => Regex.Replace(name, "_(bucket|sum|count)$", "");

    private static YamlMappingNode Yaml(string path)
    {
        var yaml = new YamlStream();
        using var text = new StringReader(Tree.Read(path));
        yaml.Load(text);

        return (YamlMappingNode)yaml.Documents.Single().RootNode;
    }

    private static YamlMappingNode Map(YamlMappingNode node, string key) => (YamlMappingNode)node.Children[key];

    private static string Text(YamlMappingNode node, string key) => Name(node.Children[key]);

    private static string Name(YamlNode node) => ((YamlScalarNode)node).Value!;

    private static IEnumerable<string> Items(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var items) ? ((YamlSequenceNode)items).Children.Select(Name) : [];

    [GeneratedRegex(@"\b(?:(?:mesh|dotnet)_[a-z_]+|up)\b")]
    private static partial Regex Metric();

    [GeneratedRegex(@"\b(?:by|on) \(([^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex("[{,]([a-z_]+)(?:=|!=|=~|!~)\"")]
    private static partial Regex Matcher();

    [GeneratedRegex("job=\"([^\"]*)\"")]
    private static partial Regex Job();

    [GeneratedRegex(@"absent\([a-z_]+\{service_name=""([a-z]+)""\}\)")]
    private static partial Regex Missed();

    [GeneratedRegex("reason=~\"([A-Z_|]+)\"")]
    private static partial Regex ReasonMatcher();

    [GeneratedRegex(@"^\s+([A-Z_]+) = \d+;", RegexOptions.Multiline)]
    private static partial Regex ReasonValue();

    [GeneratedRegex(@"(?:http://|\[|endpoint: )([a-z]+):\d+")]
    private static partial Regex Host();

    [GeneratedRegex(@"^\| `mesh\.[a-z_.]+` \| `(mesh_[a-z_]+)` \|[^|]*\|([^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
