using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.Cli.Dev;
using Npgsql;

namespace Mesh.TestKit;

/// <summary>A real <c>./mesh dev</c> of its own, on free ports, in a folder that is deleted with it.</summary>
public sealed partial class DevMesh : IAsyncDisposable
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(120);

    private readonly OpenFolder? ownFolder;
    private readonly StringBuilder output = new();
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private DevMesh(string data, OpenFolder? ownFolder, IReadOnlyDictionary<string, string> variables, IEnumerable<string> arguments)
    {
        Data = data;
        this.ownFolder = ownFolder;
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), ["dev", "--data", data, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        Launcher = Process.Start(start)!;
        Launcher.OutputDataReceived += (_, line) => Take(line.Data);
        Launcher.ErrorDataReceived += (_, line) => Take(line.Data);
        Launcher.BeginOutputReadLine();
        Launcher.BeginErrorReadLine();
    }

    public string Data { get; }

    /// <summary>The process of <c>./mesh dev</c>; the script replaces itself with the launcher.</summary>
    public Process Launcher { get; }

    /// <summary>Everything that it printed so far.</summary>
    public string Output
    {
        get
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    public string RunFilePath => Path.Combine(Data, "run.json");

    /// <summary>Starts a mesh and returns when it says <c>ready</c>. In a folder of its own when none is named.</summary>
    public static Task<DevMesh> StartAsync(string? data = null, params IReadOnlyList<string> arguments) =>
        StartAsync(data, new Dictionary<string, string>(), arguments);

    /// <summary>The same, with variables in the environment of <c>./mesh dev</c> beside those of this process.</summary>
    public static async Task<DevMesh> StartAsync(string? data, IReadOnlyDictionary<string, string> variables, params IReadOnlyList<string> arguments)
    {
        var mesh = Begin(data, variables, arguments);
        var ended = mesh.Launcher.WaitForExitAsync();
        if (await Task.WhenAny(mesh.ready.Task, ended, Task.Delay(ReadyWithin)) != mesh.ready.Task)
        {
            var printed = mesh.Output;
            await mesh.DisposeAsync();
            throw new InvalidOperationException($"./mesh dev did not become ready: {printed}");
        }

        return mesh;
    }

    /// <summary>Starts it and does not wait: for starts that are to fail.</summary>
    public static DevMesh Begin(string? data = null, params IReadOnlyList<string> arguments) => Begin(data, new Dictionary<string, string>(), arguments);

    private static DevMesh Begin(string? data, IReadOnlyDictionary<string, string> variables, IReadOnlyList<string> arguments)
    {
        var own = data is null ? new OpenFolder() : null;
        return new DevMesh(data ?? Path.Combine(own!.Path, "mesh"), own, variables, ["--headless", .. arguments]);
    }

    /// <summary>Deletes what a mesh of root keeps in another place, because its data folder is closed to other users.</summary>
    public static void DeleteMoved(string data)
    {
        var folder = new DataFolder(data);
        foreach (var moved in ((string[])[folder.Postgres, folder.Rabbit, .. folder.Runners]).Where(Directory.Exists))
        {
            Directory.Delete(moved, recursive: true);
        }
    }

    /// <summary>Sends a signal, such as 9 (kill), 15 (end), 19 (stop) or 18 (go on); false when the process is gone.</summary>
    public static bool Signal(int pid, int signal) => Signals.Send(pid, signal);

    /// <summary>What run.json says at this moment.</summary>
    public RunFile ReadRun() => RunFile.Read(RunFilePath);

    /// <summary>Where the first replica of each service tells of its health and shows its metrics.</summary>
    public IReadOnlyDictionary<string, Uri> Health()
    {
        var first = new Uri(ReadRun().Http).Port;

        return Service.All.ToDictionary(service => service.Name, service => new Uri($"http://127.0.0.1:{PortBlock.HealthOf(first, new Replica(service, 1))}"));
    }

    /// <summary>The superuser's connection to its PostgreSQL. <c>run.json</c> has it in libpq's form, as psql takes it.</summary>
    public string StoreConnection()
    {
        var words = LibpqWord().Matches(ReadRun().Postgres).ToDictionary(word => word.Groups[1].Value, word => word.Groups[2].Value.Trim('\''));

        return new NpgsqlConnectionStringBuilder
        {
            Host = words["host"],
            Username = words["user"],
            Password = words["password"],
            Database = words["dbname"],
            MaxPoolSize = 4,
        }.ConnectionString;
    }

    [GeneratedRegex("(\\w+)=('[^']*'|\\S+)")]
    private static partial Regex LibpqWord();

    /// <summary>The process of a service, as run.json has it now.</summary>
    public int PidOf(string service) => ReadRun().Pids[service];

    /// <summary>All living processes that belong to this mesh: those that were started with its data folder.</summary>
    public IReadOnlyList<int> Processes() =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!)).Where(Belongs)];

    public async ValueTask DisposeAsync()
    {
        if (!Launcher.HasExited)
        {
            Signals.Send(Launcher.Id, Signals.Terminate);
            await Task.WhenAny(Launcher.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
            Signals.Send(Launcher.Id, Signals.Kill);
        }

        await Launcher.WaitForExitAsync();
        if (ready.Task.IsCompleted)
        {
            // One that never became ready may have been refused because the folder is another mesh's, whose processes go on.
            await Eventually.Async(() => Processes().Count == 0);
        }

        Launcher.Dispose();
        ownFolder?.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (output)
        {
            output.AppendLine(line);
        }

        if (line == "ready")
        {
            ready.TrySetResult();
        }
    }

    private bool Belongs(int pid)
    {
        try
        {
            return pid != Launcher.Id
                && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal)
                && (File.ReadAllText($"/proc/{pid}/environ").Contains(Data + "/", StringComparison.Ordinal)
                    || File.ReadAllText($"/proc/{pid}/cmdline").Contains(Data + "/", StringComparison.Ordinal));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
