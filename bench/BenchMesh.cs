using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.TestKit;
using Npgsql;

namespace Mesh.Bench;

/// <summary>A mesh of the benchmark's own, with the benchmark's tenant, agent and target.</summary>
internal sealed class BenchMesh : IAsyncDisposable
{
    private const string Tenant = "bench";
    private const int QuietLooks = 30;

    private static readonly TimeSpan TaskMax = TimeSpan.FromMinutes(2);

    private readonly DevMesh mesh;
    private readonly Target target;
    private readonly GrpcChannel channel;
    private readonly HttpClient http = new();
    private readonly byte[] webhookKey;
    private readonly Metadata headers;
    private bool isDisposed;
    private readonly Orchestrator.V1.TaskService.TaskServiceClient tasks;

    private BenchMesh(DevMesh mesh, Target target, byte[] webhookKey, TimeSpan startedIn)
    {
        this.mesh = mesh;
        this.target = target;
        this.webhookKey = webhookKey;
        StartedIn = startedIn;
        var run = mesh.ReadRun();
        channel = PlainChannel.Open(run.Grpc);
        headers = new Metadata { { "authorization", $"Bearer {run.Token}" } };
        tasks = new Orchestrator.V1.TaskService.TaskServiceClient(channel);
    }

    /// <summary>From the command to <c>ready</c>, with the build present and nothing else.</summary>
    public TimeSpan StartedIn { get; }

    public string Folder => mesh.Data;

    public int Writes => target.Writes;

    public string Postgres => mesh.StoreConnection();

    /// <summary>Where each service tells its metrics.</summary>
    public IReadOnlyDictionary<string, Uri> Health => mesh.Health();

    /// <summary>The services behind the orchestrator, at their own doors.</summary>
    public Task<Custody> OpenCustodyAsync(CancellationToken stop) => Custody.OpenAsync(mesh, stop);

    /// <summary>Processor time so far in milliseconds, by process.</summary>
    public Usage CpuMs() => Measure(Processes.CpuMs);

    /// <summary>Memory in MiB, by process.</summary>
    public Usage PssMiB() => Measure(Processes.PssMiB);

    public static async Task<BenchMesh> StartAsync(string bus, CancellationToken stop, params string[] more)
    {
        var started = Stopwatch.GetTimestamp();
        var mesh = await DevMesh.StartAsync(null, ["--bus", bus, .. more]);
        var startedIn = Stopwatch.GetElapsedTime(started);
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var key = RandomNumberGenerator.GetBytes(32);
        var target = await Target.StartAsync(secret, stop);
        var bench = new BenchMesh(mesh, target, key, startedIn);
        await bench.DeclareAsync(secret, stop);

        return bench;
    }

    // Charged are the six services, PostgreSQL and a broker. Agents are children of the tool runner, and the user's programs: told beside it.
    private Usage Measure(Func<int, IReadOnlyCollection<int>, double> measure)
    {
        var run = mesh.ReadRun();
        int[] agents = [.. run.Agents.Values];
        var servers = run.Broker is { } broker ? [KeyValuePair.Create("rabbitmq", broker)] : Array.Empty<KeyValuePair<string, int>>();
        var charged = run.Pids.Append(KeyValuePair.Create("postgres", run.Postmaster)).Concat(servers);

        return new Usage(charged.ToDictionary(process => process.Key, process => measure(process.Value, agents)), agents.Sum(agent => measure(agent, [])));
    }

    /// <summary>One governed task: a signed webhook, until the task is done.</summary>
    public async Task<double> GovernedTaskAsync(CancellationToken stop)
    {
        var id = $"msg_{Guid.NewGuid():N}";
        var body = $$"""{"key":"{{id}}"}""";
        var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var signature = Convert.ToBase64String(HMACSHA256.HashData(webhookKey, Encoding.UTF8.GetBytes($"{id}.{at}.{body}")));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{mesh.ReadRun().Http}/hooks/{Tenant}/door")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", $"{at}");
        request.Headers.Add("webhook-signature", $"v1,{signature}");

        var started = Stopwatch.GetTimestamp();
        using var answer = await http.SendAsync(request, stop);
        answer.EnsureSuccessStatusCode();
        var task = System.Text.Json.JsonElement.Parse(await answer.Content.ReadAsStringAsync(stop)).GetProperty("task").GetString()!;
        await DoneAsync(task, stop);

        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <summary>Where the time of the last governed tasks went, by the spans of their timelines: medians, in the order of their beginnings.</summary>
    public async Task<IReadOnlyList<Figure>> SpansAsync(int count, CancellationToken stop)
    {
        var listed = await tasks.ListTasksAsync(new Orchestrator.V1.ListTasksRequest { Tenant = Tenant, Workflow = "write", PageSize = count }, headers, cancellationToken: stop);
        var rows = new List<(string Name, double At, double Took)>();

        foreach (var task in listed.Tasks)
        {
            var timeline = await tasks.GetTaskTimelineAsync(new Orchestrator.V1.GetTaskTimelineRequest { Tenant = Tenant, TaskId = task.Id }, headers, cancellationToken: stop);
            rows.AddRange(timeline.Rows.Select(row => (row.Name == "agent.dispatch" ? row.Name : $"{row.Name} {row.Subject}", Ms(row.Offset), Ms(row.Duration))));
            rows.Add(("all of it", 0, Ms(timeline.Total)));
        }

        // What only some of them have is no part of the ordinary task.
        return [.. rows.GroupBy(row => row.Name).Where(span => span.Count() > listed.Tasks.Count / 2)
            .Select(span => Figure.Times($"span {span.Key}", [.. span.Select(row => row.Took)]) with { AtMs = Figure.Times("", [.. span.Select(row => row.At)]).P50Ms })
            .OrderBy(span => span.AtMs)];

        static double Ms(Duration time) => time.ToTimeSpan().TotalMilliseconds;
    }

    /// <summary>A task that records steps; answers what its agent measured.</summary>
    public async Task<(double P50, double P99)> StepsAsync(int steps, CancellationToken stop)
    {
        var input = new Struct();
        input.Fields["steps"] = Value.ForNumber(steps);
        var started = await tasks.StartTaskAsync(
            new Orchestrator.V1.StartTaskRequest { Tenant = Tenant, Workflow = "steps", Input = Value.ForStruct(input) }, headers, cancellationToken: stop);
        var result = (await DoneAsync(started.Task.Id, stop)).Result.StructValue.Fields;

        return (result["p50"].NumberValue, result["p99"].NumberValue);
    }

    /// <summary>
    /// Kills one of two orchestrators while tasks record a step every <paramref name="pause"/>, and answers how long it took until the last
    /// of them had recorded its next one.
    /// </summary>
    public async Task<TimeSpan> RecoveryAsync(int count, TimeSpan pause, CancellationToken stop)
    {
        var input = new Struct();
        input.Fields["steps"] = Value.ForNumber(TimeSpan.FromSeconds(10) / pause);
        input.Fields["pause_ms"] = Value.ForNumber(pause.TotalMilliseconds);
        var started = await Task.WhenAll(Enumerable.Range(0, count).Select(async n => (await tasks.StartTaskAsync(
            new Orchestrator.V1.StartTaskRequest { Tenant = Tenant, Workflow = $"paced-{1 + (n % 2)}", Input = Value.ForStruct(input) }, headers, cancellationToken: stop)).Task.Id));
        var before = new Dictionary<Guid, int>();
        await Eventually.Async(async () => (before = await StepsOfPacedAsync(stop)).Count == count && before.Values.All(steps => steps > 3), TimeSpan.FromMinutes(1));

        var at = Stopwatch.GetTimestamp();
        DevMesh.Signal(mesh.PidOf("orchestrator"), 9);
        before = await StepsOfPacedAsync(stop);
        await Eventually.Async(async () => (await StepsOfPacedAsync(stop)).All(task => task.Value > before[task.Key]), TimeSpan.FromMinutes(1));
        var took = Stopwatch.GetElapsedTime(at);
        await Task.WhenAll(started.Select(task => DoneAsync(task, stop)));

        return took;
    }

    private async Task<Dictionary<Guid, int>> StepsOfPacedAsync(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(Postgres);
        await connection.OpenAsync(stop);
        await using var command = new NpgsqlCommand("select id, steps from orchestrator.task where workflow like 'paced-%' and ended_at is null", connection);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var steps = new Dictionary<Guid, int>();

        while (await rows.ReadAsync(stop))
        {
            steps.Add(rows.GetGuid(0), rows.GetInt32(1));
        }

        return steps;
    }

    /// <summary>Returns once every fact is where it belongs: no outbox holds one, and the log has as many of tasks as the journals.</summary>
    public async Task DrainedAsync(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(Postgres);
        await connection.OpenAsync(stop);
        await using var waiting = new NpgsqlCommand(
            """
            select (select count(*) from orchestrator.journal) - (select count(*) from audit.leaf where task_seq is not null)
              + (select sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint)::bigint
                 from pg_tables where tablename = 'outbox')
            """,
            connection);

        await Eventually.Async(async () => (long)(await waiting.ExecuteScalarAsync(stop))! == 0, TimeSpan.FromMinutes(2));
    }

    /// <summary>Returns once PostgreSQL has cleaned up after what was written: no vacuum runs, and none is due.</summary>
    public async Task VacuumedAsync(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(Postgres);
        await connection.OpenAsync(stop);

        // When it is due, and that a table may say so for itself: chapter 25.1.6 of PostgreSQL's manual.
        await using var due = new NpgsqlCommand(
            """
            select (select count(*) from pg_stat_activity where backend_type = 'autovacuum worker') + (
              select count(*)
              from pg_stat_user_tables s join pg_class c on c.oid = s.relid cross join lateral (
                select coalesce(max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold'), current_setting('autovacuum_vacuum_threshold'))::float
                    + coalesce(max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor'), current_setting('autovacuum_vacuum_scale_factor'))::float
                    * greatest(c.reltuples, 0) as dead
                from pg_options_to_table(c.reloptions)) o
              where s.n_dead_tup > o.dead
                or s.n_ins_since_vacuum > current_setting('autovacuum_vacuum_insert_threshold')::float
                  + current_setting('autovacuum_vacuum_insert_scale_factor')::float * greatest(c.reltuples, 0)
                or s.n_mod_since_analyze > current_setting('autovacuum_analyze_threshold')::float
                  + current_setting('autovacuum_analyze_scale_factor')::float * greatest(c.reltuples, 0))
            """,
            connection);

        // Sessions tell what they wrote up to a second later: one look at which nothing is due proves little.
        var quiet = 0;
        await Eventually.Async(
            async () => (quiet = (long)(await due.ExecuteScalarAsync(stop))! == 0 ? quiet + 1 : 0) >= QuietLooks, TimeSpan.FromMinutes(3));
    }

    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        http.Dispose();
        channel.Dispose();
        await mesh.DisposeAsync();
        await target.DisposeAsync();
    }

    private async Task<Orchestrator.V1.AgentTask> DoneAsync(string task, CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();

        while (true)
        {
            var answer = await tasks.WaitTaskAsync(
                new Orchestrator.V1.WaitTaskRequest { Tenant = Tenant, TaskId = task, UntilPerson = true }, headers, cancellationToken: stop);

            if (answer.Done)
            {
                return answer.Task.State == Orchestrator.V1.TaskState.Completed
                    ? answer.Task
                    : throw new InvalidOperationException($"The task {task} is {answer.Task.State}: {answer.Task.Message}");
            }

            if (Stopwatch.GetElapsedTime(begun) > TaskMax)
            {
                throw new TimeoutException($"The task {task} is still {answer.Task.State} after {TaskMax}; what its agent said is in {mesh.Data}/logs/agents.");
            }
        }
    }

    private async Task DeclareAsync(string secret, CancellationToken stop)
    {
        // Beside the manifests, a folder `agent` with the published program: what a user would have.
        var folder = Directory.CreateDirectory(Path.Combine(mesh.Data, "bench")).FullName;
        var manifest = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "bench", "manifests", "bench.yaml"), stop);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "bench.yaml"),
            manifest.Replace("7391", $"{target.Port}", StringComparison.Ordinal)
                .Replace("directory: agent", $"directory: {Path.GetRelativePath(folder, Path.Combine(Repository.Root, "artifacts", "samples", "bench"))}", StringComparison.Ordinal),
            stop);

        await MeshAsync("", stop, "apply", "-f", folder);
        await MeshAsync(secret, stop, "secret", "put", Tenant, "target/key");
        await MeshAsync($"whsec_{Convert.ToBase64String(webhookKey)}", stop, "secret", "put", Tenant, "webhooks/door");
    }

    private async Task MeshAsync(string input, CancellationToken stop, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), ["--data", mesh.Data, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var said = await process.StandardOutput.ReadToEndAsync(stop) + await process.StandardError.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"mesh {string.Join(' ', arguments)} ended with {process.ExitCode}: {said}");
        }
    }
}
