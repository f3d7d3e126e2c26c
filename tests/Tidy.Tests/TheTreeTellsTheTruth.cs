using System.Text.RegularExpressions;

namespace Mesh.Tidy.Tests;

/// <summary>What holds for the tree as a whole, so that nobody has to remember it.</summary>
public sealed partial class TheTreeTellsTheTruth
{
    private static readonly string[] Peers = ["Ingress", "Orchestrator", "Policy", "Vault", "Audit", "Toolrunner"];
    private static readonly string[] KindsOfClass = ["Common", "Helpers", "Models", "Services", "Utils", "Utilities", "Interfaces", "Extensions"];

    [Fact]
    public void No_service_references_another()
    {
        var crossing = Tree.References()
            .Where(project => project.Key.StartsWith("services/", StringComparison.Ordinal))
            .SelectMany(project => project.Value.Where(r => !r.StartsWith("libs/", StringComparison.Ordinal) && !r.StartsWith("proto/", StringComparison.Ordinal))
                .Select(r => $"{project.Key} -> {r}"));

        Assert.Empty(crossing);
    }

    [Fact]
    public void Libraries_reference_only_libraries_and_the_contracts()
    {
        var crossing = Tree.References()
            .Where(project => project.Key.StartsWith("libs/", StringComparison.Ordinal))
            .SelectMany(project => project.Value.Where(r => !r.StartsWith("libs/", StringComparison.Ordinal) && !r.StartsWith("proto/", StringComparison.Ordinal))
                .Select(r => $"{project.Key} -> {r}"));

        Assert.Empty(crossing);
    }

    [Fact]
    public void The_command_line_and_the_sdk_see_only_the_contracts_and_the_integrity_library()
    {
        string[] allowed = ["libs/Mesh.Integrity/Mesh.Integrity.csproj", "proto/Mesh.Contracts.csproj"];
        var crossing = Tree.References()
            .Where(project => project.Key.StartsWith("cli/", StringComparison.Ordinal) || project.Key.StartsWith("sdk/dotnet/", StringComparison.Ordinal))
            .SelectMany(project => project.Value.Except(allowed).Select(r => $"{project.Key} -> {r}"));

        Assert.Empty(crossing);
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = Tree.Read("Mesh.sln").Replace('\\', '/');

        Assert.All(Tree.Files("*.csproj"), project => Assert.Contains(project, solution, StringComparison.Ordinal));
    }

    [Fact]
    public void No_folder_is_named_for_a_kind_of_class_or_for_a_peer_service()
    {
        var folders = Tree.Files("*.cs").SelectMany(path => path.Split('/')[..^1]).Distinct();

        Assert.DoesNotContain(folders, folder => KindsOfClass.Contains(folder) || Peers.Contains(folder));
    }

    [Fact]
    public void No_log_event_id_is_used_twice_and_each_is_in_its_services_thousand()
    {
        var thousands = new Dictionary<string, int>
        {
            ["services/ingress/"] = 1,
            ["services/policy/"] = 2,
            ["services/orchestrator/"] = 3,
            ["services/vault/"] = 4,
            ["services/audit/"] = 5,
            ["services/toolrunner/"] = 6,
        };
        var events = Tree.Files("*.cs").Where(path => !path.StartsWith("tests/", StringComparison.Ordinal))
            .SelectMany(path => LogEvent().Matches(Tree.Read(path)).Select(match => (Path: path, Id: int.Parse(match.Groups[1].Value))))
            .ToList();

        Assert.NotEmpty(events);
        Assert.Empty(events.GroupBy(e => e.Id).Where(group => group.Count() > 1).Select(group => $"{group.Key}: {string.Join(", ", group.Select(e => e.Path))}"));
        Assert.DoesNotContain(events, e => thousands.FirstOrDefault(t => e.Path.StartsWith(t.Key, StringComparison.Ordinal)) is { Key: not null } t && e.Id / 1000 != t.Value);
    }

    [Fact]
    public void Nothing_is_logged_outside_the_catalogue()
    {
        var raw = Tree.Files("*.cs")
            .Where(path => path.StartsWith("services/", StringComparison.Ordinal) || path.StartsWith("libs/", StringComparison.Ordinal))
            .Where(path => RawLog().IsMatch(Tree.Read(path)));

        Assert.Empty(raw);
    }

    [Fact]
    public void What_services_measure_and_trace_is_exported_and_nothing_else_of_ours()
    {
        var made = Tree.Files("*.cs")
            .Where(path => path.StartsWith("services/", StringComparison.Ordinal) || path.StartsWith("libs/", StringComparison.Ordinal))
            .SelectMany(path => Instrument().Matches(Tree.Read(path)).Select(match => match.Groups[1].Value))
            .Distinct().Order();
        var exported = OurInstrument().Matches(Tree.Read("libs/Mesh.ServiceHost/Telemetry/Exporting.cs")).Select(match => match.Groups[1].Value).Order();

        Assert.Equal(made, exported);
    }

    [Fact]
    public void The_eight_names_of_the_timeline_are_written_once()
    {
        var again = Tree.Files("*.cs")
            .Where(path => path.StartsWith("services/", StringComparison.Ordinal))
            .Where(path => TimelineName().IsMatch(Tree.Read(path)));

        Assert.Empty(again);
    }

    [Fact]
    public void No_source_file_carries_unfinished_work()
    {
        var unfinished = Tree.Files("*.cs").Concat(Tree.Files("*.proto")).Append("mesh").Append(".ci/run")
            .Where(path => path != "tests/Tidy.Tests/TheTreeTellsTheTruth.cs")
            .Where(path => Unfinished().IsMatch(Tree.Read(path)));

        Assert.Empty(unfinished);
    }

    [Fact]
    public void No_page_names_a_file_that_does_not_exist()
    {
        var missing =
            from page in Tree.Files("*.md")
            from Match match in Link().Matches(Tree.Read(page))
            let target = match.Groups[1].Value.Split('#')[0]
            where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal)
            let path = Path.GetRelativePath(Tree.Root, Path.GetFullPath(Path.Combine(Tree.Root, Path.GetDirectoryName(page)!, target)))
            where !Tree.Exists(path)
            select $"{page}: {target}";

        Assert.Empty(missing);
    }

    [Fact]
    public void No_page_names_a_source_file_in_code_marks_that_does_not_exist()
    {
        var missing =
            from page in Tree.Files("*.md")
            where !page.StartsWith("docs/decisions/", StringComparison.Ordinal)
            from Match match in CodePath().Matches(Tree.Read(page))
            let path = match.Groups[1].Value
            where !Tree.Exists(path) && !Tree.Exists(Path.Combine(Path.GetDirectoryName(page)!, path))
            select $"{page}: {path}";

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_service_has_a_page_and_its_main_path_in_one_file()
    {
        string[] flows =
        [
            "services/ingress/AdmissionFlow.cs", "services/orchestrator/ToolCallFlow.cs", "services/policy/DecisionFlow.cs",
            "services/vault/RedeemFlow.cs", "services/audit/AppendFlow.cs", "services/toolrunner/RunFlow.cs",
        ];

        Assert.All(flows, flow => Assert.True(Tree.Exists(flow), flow));
        Assert.All(flows, flow => Assert.True(Tree.Exists($"{Path.GetDirectoryName(flow)}/README.md"), flow));
    }

    [Fact]
    public void The_bus_library_stays_on_its_last_open_version()
    {
        Assert.DoesNotMatch("MassTransit[^\"]*\" Version=\"(\\[?9|\\[?1\\d)", Tree.Read("Directory.Packages.props"));
    }

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex LogEvent();

    [GeneratedRegex(@"\.Log(Trace|Debug|Information|Warning|Error|Critical)\(")]
    private static partial Regex RawLog();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK)\b|NotImplementedException|\[Fact\(Skip|Thread\.Sleep")]
    private static partial Regex Unfinished();

    [GeneratedRegex("(?:ActivitySource|Meter)(?: \\w+ = new)?\\(\"(Mesh[^\"]*)\"")]
    private static partial Regex Instrument();

    [GeneratedRegex("\"(Mesh\\.[^\"]*)\"")]
    private static partial Regex OurInstrument();

    // The two that are names of services too are not looked for.
    [GeneratedRegex("\"(policy\\.eval|state\\.store|agent\\.dispatch|secrets\\.lease|tool\\.call|audit\\.log)\"")]
    private static partial Regex TimelineName();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`((?:services|libs|cli|sdk|tests|proto|docs|deploy|bench)/[A-Za-z0-9_./-]+\.(?:cs|proto|md|yaml|csproj))`")]
    private static partial Regex CodePath();
}
