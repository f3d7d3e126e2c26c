using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mesh.Cli;
using Mesh.Cli.Dev;
using Mesh.Integrity;
using Mesh.TestKit;

namespace Cli.Tests.Dev;

public sealed class DevNodeTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task A_mesh_that_is_ready_says_in_run_json_where_it_is_and_only_its_owner_can_read_that()
    {
        await using var mesh = await DevMesh.StartAsync();

        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(mesh.RunFilePath, TestContext.Current.CancellationToken));
        var run = mesh.ReadRun();

        Assert.Equal(OwnerOnly, File.GetUnixFileMode(mesh.RunFilePath));
        Assert.Superset(
            new HashSet<string> { "http", "grpc", "token", "postgres", "bus", "pids", "launcher", "agents" },
            json.RootElement.EnumerateObject().Select(property => property.Name).ToHashSet());
        var port = new Uri(run.Http).Port;
        Assert.Equal($"http://127.0.0.1:{port}", run.Http);
        Assert.Equal($"http://127.0.0.1:{port + 1}", run.Grpc);
        Assert.InRange(port, PortBlock.Lowest, PortBlock.Highest);
        Assert.True(OpaqueToken.TryParse(run.Token, TokenKind.Access, out _));
        Assert.Contains("dbname=mesh", run.Postgres, StringComparison.Ordinal);
        Assert.Equal("postgres", run.Bus);
        Assert.Equal(mesh.Launcher.Id, run.Launcher);
        Assert.Empty(run.Agents);
        Assert.Equal(Service.All.Select(service => service.Name).Order(), run.Pids.Keys.Order());
        Assert.Subset(mesh.Processes().ToHashSet(), run.Pids.Values.ToHashSet());
    }

    [Fact]
    public async Task A_database_that_an_older_backup_was_put_in_place_of_gets_no_more_checkpoints()
    {
        await using var mesh = await DevMesh.StartAsync();
        var run = mesh.ReadRun();
        using var http = new HttpClient { BaseAddress = new Uri(run.Http), DefaultRequestHeaders = { Authorization = new("Bearer", run.Token) } };
        using var granted = await http.PostAsync("/v1/access/tokens", new StringContent("""{"principal":"olga","kind":"KIND_PERSON"}""", null, "application/json"), TestContext.Current.CancellationToken);
        granted.EnsureSuccessStatusCode();
        await Eventually.Async(() => Directory.EnumerateFiles(new DataFolder(mesh.Data).Checkpoints, "*.checkpoint").Any());

        // As it was before anything happened.
        await using (var store = Npgsql.NpgsqlDataSource.Create(mesh.StoreConnection()))
        await using (var restore = store.CreateCommand(
            "set session_replication_role = replica; delete from audit.leaf; delete from audit.node; delete from audit.checkpoint; update audit.log_head set size = 0"))
        {
            await restore.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        DevMesh.Signal(mesh.PidOf("audit"), 9);

        var health = new Uri($"http://127.0.0.1:{new Uri(run.Http).Port + 20 + Service.All.Single(service => service.Name == "audit").Index}/metrics");
        await Eventually.Async(
            async () => await TextAsync(http, health) is var metrics
                && Regex.IsMatch(metrics, "^mesh_audit_checkpoint_refused_total [1-9]", RegexOptions.Multiline)
                && Regex.IsMatch(metrics, "^mesh_audit_checkpoint_behind_seconds [1-9]", RegexOptions.Multiline),
            TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(15)]
    [InlineData(1)]
    public async Task A_signal_ends_everything_within_five_seconds_and_takes_run_json_away(int signal)
    {
        await using var mesh = await DevMesh.StartAsync();

        var clock = Stopwatch.StartNew();
        Signals.Send(mesh.Launcher.Id, signal);
        await mesh.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(ExitCodes.Done, mesh.Launcher.ExitCode);
        Assert.Empty(mesh.Processes());
        Assert.False(File.Exists(mesh.RunFilePath));
    }

    [Fact]
    public async Task Nothing_survives_a_launcher_that_was_killed_and_the_next_one_starts_on_the_same_data()
    {
        using var folder = new OpenFolder();
        var data = Path.Combine(folder.Path, "mesh");
        string token;
        await using (var killed = await DevMesh.StartAsync(data))
        {
            token = killed.ReadRun().Token;
            Assert.NotEmpty(killed.Processes());

            Signals.Send(killed.Launcher.Id, Signals.Kill);

            await Eventually.Async(() => killed.Processes().Count == 0, TimeSpan.FromSeconds(5));
        }

        await using var next = await DevMesh.StartAsync(data);

        Assert.Equal(token, next.ReadRun().Token);
    }

    [Fact]
    public async Task A_service_that_was_killed_is_started_again_and_run_json_has_its_new_process()
    {
        await using var mesh = await DevMesh.StartAsync();
        var before = mesh.ReadRun();
        using var http = new HttpClient();

        foreach (var (service, pid) in before.Pids)
        {
            Assert.True(Signals.Send(pid, Signals.Kill), service);
        }

        foreach (var service in Service.All)
        {
            await Eventually.Async(() => mesh.PidOf(service.Name) != before.Pids[service.Name]);
            var health = new Uri(before.Http).Port + 20 + service.Index;
            await Eventually.Async(() => AnswersAsync(http, new Uri($"http://127.0.0.1:{health}/readyz")));
        }

        Assert.Subset(mesh.Processes().ToHashSet(), mesh.ReadRun().Pids.Values.ToHashSet());
    }

    [Fact]
    public async Task A_PostgreSQL_that_was_killed_is_started_again_under_the_same_connection()
    {
        await using var mesh = await DevMesh.StartAsync();
        var before = mesh.ReadRun();

        Signals.Send(before.Postmaster, Signals.Kill);

        await Eventually.Async(() => mesh.ReadRun().Postmaster != before.Postmaster);
        Assert.Equal(before.Postgres, mesh.ReadRun().Postgres);
    }

    [Fact]
    public async Task A_PostgreSQL_that_cannot_start_for_a_while_does_not_end_the_mesh()
    {
        await using var mesh = await DevMesh.StartAsync();
        var before = mesh.ReadRun();
        var settings = Path.Combine(mesh.Data, "postgres", "data", "postgresql.conf");

        File.Move(settings, settings + ".away");
        Signals.Send(before.Postmaster, Signals.Kill);
        await Eventually.Async(() => mesh.Output.Contains("PostgreSQL did not start", StringComparison.Ordinal));
        Assert.False(mesh.Launcher.HasExited);
        File.Move(settings + ".away", settings);

        await Eventually.Async(() => mesh.ReadRun().Postmaster != before.Postmaster);
    }

    [Fact]
    public async Task Two_meshes_run_side_by_side_and_one_ends_without_the_other()
    {
        var both = await Task.WhenAll(DevMesh.StartAsync(), DevMesh.StartAsync());
        await using var first = both[0];
        await using var second = both[1];

        Assert.NotEqual(first.ReadRun().Http, second.ReadRun().Http);
        Signals.Send(first.Launcher.Id, Signals.Terminate);
        await first.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(7, second.Processes().Count(pid => second.ReadRun().Pids.Values.Append(second.ReadRun().Postmaster).Contains(pid)));
    }

    [Fact]
    public async Task Agents_that_the_tool_runner_names_appear_in_run_json_at_once()
    {
        await using var mesh = await DevMesh.StartAsync();
        var file = Path.Combine(mesh.Data, "run", "agents.json");

        await File.WriteAllTextAsync(file + ".new", """{"acme/refund-request": 4711}""", TestContext.Current.CancellationToken);
        File.Move(file + ".new", file, overwrite: true);

        await Eventually.Async(() => mesh.ReadRun().Agents.TryGetValue("acme/refund-request", out var pid) && pid == 4711);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named_in_one_line_and_nothing_is_left_running()
    {
        using var listener = ListenBelow(PortBlock.Highest);
        var taken = ((IPEndPoint)listener.LocalEndpoint).Port;

        await using var mesh = DevMesh.Begin(null, "--port", $"{taken - 12}");
        await mesh.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCodes.Conflict, mesh.Launcher.ExitCode);
        Assert.Equal($"mesh: Port {taken} is taken by another program. Name another block with --port, or stop what holds it.", mesh.Output.Trim());
        Assert.Empty(mesh.Processes());
    }

    [Fact]
    public async Task A_folder_and_a_block_of_ports_belong_to_one_mesh_at_a_time()
    {
        await using var first = await DevMesh.StartAsync();
        var port = new Uri(first.ReadRun().Http).Port;

        await using var sameFolder = DevMesh.Begin(first.Data);
        await using var samePorts = DevMesh.Begin(null, "--port", $"{port}");
        await sameFolder.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);
        await samePorts.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCodes.Conflict, sameFolder.Launcher.ExitCode);
        Assert.Contains($"(pid {first.Launcher.Id})", sameFolder.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Conflict, samePorts.Launcher.ExitCode);
        Assert.Contains($"Another mesh holds the ports from {port} on.", samePorts.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_cannot_start_is_named_with_its_reason_and_the_rest_is_stopped()
    {
        using var folder = new OpenFolder();
        var data = Path.Combine(folder.Path, "mesh");
        await using (await DevMesh.StartAsync(data))
        {
        }

        await File.WriteAllTextAsync(Path.Combine(data, "keys", "audit", "ca.crt"), "not a certificate", TestContext.Current.CancellationToken);
        await using var broken = DevMesh.Begin(data);
        await broken.Launcher.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCodes.Error, broken.Launcher.ExitCode);
        Assert.Contains("mesh: audit ended while it started (exit code", broken.Output, StringComparison.Ordinal);
        Assert.Empty(broken.Processes());
        Assert.False(File.Exists(broken.RunFilePath));
    }

    [Fact]
    public async Task Fresh_forgets_the_earlier_mesh_and_touches_nothing_else_in_the_folder()
    {
        using var folder = new OpenFolder();
        var data = Path.Combine(folder.Path, "mesh");
        string token;
        await using (var earlier = await DevMesh.StartAsync(data))
        {
            token = earlier.ReadRun().Token;
        }

        var note = Path.Combine(data, "note.txt");
        await File.WriteAllTextAsync(note, "mine", TestContext.Current.CancellationToken);
        await using var fresh = await DevMesh.StartAsync(data, "--fresh");

        Assert.NotEqual(token, fresh.ReadRun().Token);
        Assert.True(File.Exists(note));
    }

    [Fact]
    public async Task PostgreSQL_never_runs_as_root_and_no_service_shows_a_password_in_its_environment()
    {
        await using var mesh = await DevMesh.StartAsync();
        var run = mesh.ReadRun();

        var owner = File.ReadLines($"/proc/{run.Postmaster}/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal));
        Assert.NotEqual("0", owner.Split('\t')[1]);
        foreach (var pid in run.Pids.Values)
        {
            var environment = await File.ReadAllTextAsync($"/proc/{pid}/environ", TestContext.Current.CancellationToken);
            Assert.DoesNotContain("assword", environment, StringComparison.Ordinal);
            Assert.DoesNotContain(run.Token, environment, StringComparison.Ordinal);
        }
    }

    private static TcpListener ListenBelow(int limit)
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(20_000, limit));
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose();
            }
        }
    }

    private static async Task<bool> AnswersAsync(HttpClient http, Uri address)
    {
        try
        {
            using var answer = await http.GetAsync(address);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<string> TextAsync(HttpClient http, Uri page)
    {
        try
        {
            return await http.GetStringAsync(page, TestContext.Current.CancellationToken);
        }
        catch (HttpRequestException)
        {
            // It is being started again.
            return "";
        }
    }
}
