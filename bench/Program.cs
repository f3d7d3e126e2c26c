// The figures of the performance budget, times and rates beside a floor of the same run:
//
//   ./mesh bench [--bus postgres|rabbitmq] [--load SECONDS] [-o json]
//
// It starts a mesh of its own, takes about seven minutes, and leaves nothing behind. Machines are noisy: compare the ratios.
// With --load it keeps tasks in flight for so long and tells of nothing else: for a profiler to look on.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mesh.Bench;
using Mesh.TestKit;
using Npgsql;

// Until the just-in-time compiler is through with the path in all six services; what it costs meanwhile is a figure of its own.
const int Warm = 1_000;

// A shared machine is fast in one second and slow in the next: many short rounds, each beside floors of its own.
const int Rounds = 12;
const int Alone = 50;
const int InFlight = 64;
const int Together = 6_000;
const int Steps = 300;

// Whose spans are looked at: of those that ran alone.
const int Timelines = 200;

// Of the parts of a task, each alone at its service's door.
const int Actions = 3_000;
const int StreamedFacts = 40_000;

// Tasks that are amid their steps when an orchestrator is killed.
const int InTrouble = 100;

var (bus, load, isJson) = ("postgres", TimeSpan.Zero, false);

for (var n = 0; n < args.Length; n += 2)
{
    switch ((args[n], args.ElementAtOrDefault(n + 1)))
    {
        case ("--bus", "postgres" or "rabbitmq"):
            bus = args[n + 1];
            break;
        case ("--load", { } text) when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 3_600:
            load = TimeSpan.FromSeconds(seconds);
            break;
        case ("-o", "json"):
            isJson = true;
            break;
        default:
            Console.Error.WriteLine("usage: ./mesh bench [--bus postgres|rabbitmq] [--load SECONDS] [-o json]");
            return 2;
    }
}

// Until the facts of a round are in the log, when all goes well.
var tail = TimeSpan.FromMilliseconds(300);
var pace = TimeSpan.FromMilliseconds(200);
using var ended = new CancellationTokenSource(TimeSpan.FromMinutes(8) + load);
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = true;
    ended.Cancel();
};
var stop = ended.Token;
var figures = new List<Figure>();
double? commitsPerS = null;

Say("starting a mesh");
await using var mesh = await BenchMesh.StartAsync(bus, stop);
var machine = await MachineAsync();

if (!isJson)
{
    Console.WriteLine(string.Join(", ", machine.Select(pair => $"{pair.Key} {pair.Value}")));
}

await using var meter = await CostMeter.StartAsync(mesh, stop);
using var lag = new LagMeter(mesh.Health["audit"]);
Say($"its folder is {mesh.Folder}");
Add(new Figure("mesh dev, nothing to ready") { Value = mesh.StartedIn.TotalSeconds, Target = "value <= 8", Met = mesh.StartedIn.TotalSeconds <= 8 });

Say("warming");
var cold = new List<double>();

for (var n = 0; n < Warm; n++)
{
    cold.Add(await mesh.GovernedTaskAsync(stop));
}

Add(Figure.Times($"the first {Warm} governed tasks after the start", cold));

if (load > TimeSpan.Zero)
{
    Say($"governed tasks, {InFlight} in flight, for {load.TotalSeconds} s");
    var until = Stopwatch.GetTimestamp();
    await TogetherAsync(_ => Stopwatch.GetElapsedTime(until) < load);

    return End();
}

Say("governed tasks, one at a time, and floors in turn");
var (alone, rows, calls) = (new List<double>(), new List<double>(), new List<double>());
var quietest = double.MaxValue;
var lagBefore = await lag.ReadAsync(stop);
Cost? costAlone = null;

await using (var floors = await Floors.StartAsync(mesh.Postgres, stop))
{
    for (var round = 0; round < Rounds; round++)
    {
        rows.AddRange(await floors.CommitsAsync(stop));
        calls.AddRange(await floors.CallsAsync(stop));
        var times = new List<double>();

        var cost = await meter.OfAsync(
            async () =>
            {
                // As the floors do: the first one after a pause is another figure.
                await mesh.GovernedTaskAsync(stop);

                for (var n = 0; n < Alone; n++)
                {
                    times.Add(await mesh.GovernedTaskAsync(stop));
                }

                // Their facts are on the way yet: part of the cost, and no burden of the next floors.
                await Idle(tail);
            },
            stop);
        costAlone = costAlone?.Plus(cost) ?? cost;
        quietest = Math.Min(quietest, Figure.Times("", times).P50Ms!.Value);
        alone.AddRange(times);
    }
}

var commit = Figure.Times("floor: one durable row", rows);
var call = Figure.Times("floor: one loopback gRPC call", calls);
commitsPerS = 1_000 / commit.P50Ms!.Value;
Add(commit);
Add(call);

// Four serial commits and eleven hops are what the budget allows one governed task.
var floor = (4 * commit.P50Ms.Value) + (11 * call.P50Ms!.Value);
var governed = Figure.Times("governed task", alone);
Add(governed with
{
    Floor = floor,
    FloorOf = "4 durable rows + 11 loopback calls, ms",
    Ratio = governed.P50Ms / floor,
    Target = "p50_ms <= 10, p99_ms <= 40",
    Met = governed.P50Ms <= 10 && governed.P99Ms <= 40,
});
Add(new Figure($"governed task, the quietest of {Rounds} rounds") { P50Ms = quietest });

AddCost("governed task, one at a time", costAlone!.Per(Rounds * (Alone + 1)));
await AddLagAsync("one task at a time", lagBefore);

foreach (var span in await mesh.SpansAsync(Timelines, stop))
{
    Add(span);
}

Say($"governed tasks, {InFlight} in flight");
await TogetherAsync(begun => begun <= Together);

Say("recorded steps");
await mesh.StepsAsync(50, stop);
var (p50, p99) = await mesh.StepsAsync(Steps, stop);
var stepFloor = (1.5 * commit.P50Ms.Value) + call.P50Ms.Value;
Add(new Figure("recorded step")
{
    P50Ms = p50,
    P99Ms = p99,
    Floor = stepFloor,
    FloorOf = "1.5 durable rows + 1 loopback call, ms",
    Ratio = p50 / stepFloor,
    Target = "ratio <= 1",
    Met = p50 <= stepFloor,
});

var begun = Stopwatch.GetTimestamp();
await Task.WhenAll(Enumerable.Range(0, InFlight).Select(_ => mesh.StepsAsync(Steps, stop)));
AddRate($"recorded steps at {InFlight} in flight", InFlight * Steps / Stopwatch.GetElapsedTime(begun).TotalSeconds, 3_000);

Say("until every fact is in the log");
begun = Stopwatch.GetTimestamp();
await mesh.DrainedAsync(stop);
Add(new Figure("until every fact of that is in the log, s") { Value = Stopwatch.GetElapsedTime(begun).TotalSeconds });

Say("until PostgreSQL has cleaned up after it");
begun = Stopwatch.GetTimestamp();
await mesh.VacuumedAsync(stop);
Add(new Figure("until PostgreSQL has cleaned up after it, s") { Value = Stopwatch.GetElapsedTime(begun).TotalSeconds });

// After a load connections are closed, and code goes on being compiled for a while.
Say("idle");
await Idle(TimeSpan.FromSeconds(60));
var cpuBefore = mesh.CpuMs();
var watched = TimeSpan.FromSeconds(30);
await Idle(watched);
var idle = mesh.CpuMs().Since(cpuBefore).Per(watched.TotalMilliseconds / 100);
AddUsage(new Figure("idle CPU, % of a core") { Value = idle.Sum, Target = "value <= 1", Met = idle.Sum <= 1 }, idle);
var memory = mesh.PssMiB();
AddUsage(new Figure("idle memory, summed PSS, MiB") { Value = memory.Sum, Target = "value <= 600", Met = memory.Sum <= 600 }, memory);

Say("the parts of a task, each alone");
var decisions = Figure.Times("decision in process, 100 rules", Decisions.Time());
Add(decisions with { Target = "p99_ms <= 0.05", Met = decisions.P99Ms <= 0.05 });

using (var custody = await mesh.OpenCustodyAsync(stop))
{
    var warm = await custody.DecideAsync(500, InFlight, stop);
    await custody.IntentsAsync(warm, InFlight, stop);
    await custody.LeasesAsync(warm, InFlight, stop);
    var actions = await custody.DecideAsync(Actions, InFlight, stop);
    AddRate($"audit intents by gRPC, {InFlight} in flight", await custody.IntentsAsync(actions, InFlight, stop), 3_000);
    AddRate($"vault, pairs of issue and redemption, {InFlight} in flight", await custody.LeasesAsync(actions, InFlight, stop), 1_500);
}

await mesh.DrainedAsync(stop);
await Idle(TimeSpan.FromSeconds(1));
AddRate("audit facts by outbox and bus", await FactStream.PerSecondAsync(mesh.Postgres, StreamedFacts, stop), 10_000);

await meter.DisposeAsync();
await mesh.DisposeAsync();

Say("two orchestrators, of which one is killed");
var recoveries = new List<double>();

await using (var pair = await BenchMesh.StartAsync(bus, stop, "--scale", "orchestrator=2"))
{
    for (var round = 0; round < 3; round++)
    {
        recoveries.Add((await pair.RecoveryAsync(InTrouble, pace, stop)).TotalMilliseconds);
    }
}

var recovery = Figure.Times($"recovery of {InTrouble} tasks, one of two orchestrators killed", recoveries);
Add(recovery with { Floor = pace.TotalMilliseconds, FloorOf = "the pause between two steps, ms", Ratio = recovery.P50Ms / pace.TotalMilliseconds, Target = "p50_ms <= 2000", Met = recovery.P50Ms <= 2_000 });

return End();

int End()
{
    if (isJson)
    {
        Console.WriteLine(JsonSerializer.Serialize(new Report(machine, figures), ReportJson.Default.Report));
    }

    return 0;
}

// Keeps tasks in flight while there shall be another one; that is told how many have begun.
async Task TogetherAsync(Func<int, bool> another)
{
    var (begun, done) = (0, 0);
    var lagBefore = await lag.ReadAsync(stop);
    var started = Stopwatch.GetTimestamp();
    var rate = 0.0;
    var cost = await meter.OfAsync(
        async () =>
        {
            await Task.WhenAll(Enumerable.Range(0, InFlight).Select(async _ =>
            {
                while (another(Interlocked.Increment(ref begun)))
                {
                    await mesh.GovernedTaskAsync(stop);
                    Interlocked.Increment(ref done);
                }
            }));
            rate = done / Stopwatch.GetElapsedTime(started).TotalSeconds;
            await mesh.DrainedAsync(stop);
        },
        stop);
    AddRate($"governed tasks at {InFlight} in flight", rate, 250);
    AddCost($"governed task, {InFlight} in flight", cost.Per(done), cpuMax: 6);
    await AddLagAsync($"{InFlight} tasks in flight", lagBefore);
}

async Task AddLagAsync(string during, IReadOnlyList<(double UpTo, double Count)> before)
{
    var after = await lag.ReadAsync(stop);
    var p99 = LagMeter.PercentileMs(before, after, 99);
    Add(new Figure($"lag of facts, commit to leaf, {during}") { P50Ms = LagMeter.PercentileMs(before, after, 50), P99Ms = p99, Target = "p99_ms <= 100", Met = p99 <= 100 });
}

void Say(string doing) => Console.Error.WriteLine($"bench: {doing}");

void Add(Figure figure)
{
    figures.Add(figure);

    if (!isJson)
    {
        Console.WriteLine(Line(figure));
    }
}

void AddRate(string name, double rate, double target) => Add(new Figure(name)
{
    PerS = rate,
    Floor = commitsPerS,
    FloorOf = commitsPerS is null ? null : "durable rows one after the other, 1/s",
    Ratio = rate / commitsPerS,
    Target = string.Create(CultureInfo.InvariantCulture, $"per_s >= {target}"),
    Met = rate >= target,
});

void AddCost(string of, Cost cost, double? cpuMax = null)
{
    AddUsage(new Figure($"CPU ms of one {of}") { Value = cost.CpuMs.Sum, Target = cpuMax is null ? null : $"value <= {cpuMax}", Met = cpuMax is null ? null : cost.CpuMs.Sum <= cpuMax }, cost.CpuMs);
    AddUsage(new Figure($"allocated KiB of one {of}") { Value = cost.AllocatedKiB.Sum }, cost.AllocatedKiB);
    Add(new Figure($"commits of one {of}") { Value = cost.Commits });
    Add(new Figure($"WAL KiB of one {of}") { Value = cost.WalKiB });
}

void AddUsage(Figure sum, Usage usage)
{
    Add(sum);

    foreach (var (process, value) in usage.ByProcess)
    {
        Add(new Figure($"{sum.Name}, {process}") { Value = value });
    }

    if (usage.Agents > 0)
    {
        Add(new Figure($"{sum.Name}, beside it the agent") { Value = usage.Agents });
    }
}

static string Line(Figure f)
{
    string?[] parts =
    [
        f.AtMs is { } at ? $"at {Number(at)} ms" : null,
        f.P50Ms is { } p ? $"p50 {Number(p)} ms" : null,
        f.P99Ms is { } q ? $"p99 {Number(q)} ms" : null,
        f.PerS is { } r ? $"{Number(r)}/s" : null,
        f.Value is { } v ? Number(v) : null,
        f.Floor is { } floor ? $"floor {Number(floor)} ({f.FloorOf}), ratio {Number(f.Ratio!.Value)}" : null,
        f.Target is { } target ? $"target {target}: {(f.Met == true ? "met" : "MISSED")}" : null,
    ];

    return $"{f.Name,-60} {string.Join("  ", parts.Where(part => part is not null))}";
}

static string Number(double value) => value.ToString(value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);

// An idle mesh cannot be waited for by a condition: what is measured is that nothing happens.
static Task Idle(TimeSpan time) => Task.Delay(time);

async Task<Dictionary<string, string>> MachineAsync()
{
    await using var connection = new NpgsqlConnection(mesh.Postgres);
    await connection.OpenAsync(stop);
    var machine = new Dictionary<string, string>
    {
        ["cores"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
        ["os"] = System.Runtime.InteropServices.RuntimeInformation.OSDescription,
        ["runtime"] = System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription,
        ["commit"] = Commit(),
        ["runs"] = "1",
        ["bus"] = bus,
    };

    foreach (var setting in (string[])["server_version", "fsync", "synchronous_commit", "full_page_writes"])
    {
        await using var command = new NpgsqlCommand($"show {setting}", connection);
        machine[setting] = (string)(await command.ExecuteScalarAsync(stop))!;
    }

    return machine;
}

static string Commit()
{
    using var git = Process.Start(new ProcessStartInfo("git", ["-C", Repository.Root, "rev-parse", "--short", "HEAD"]) { RedirectStandardOutput = true });

    return git?.StandardOutput.ReadToEnd().Trim() ?? "";
}
