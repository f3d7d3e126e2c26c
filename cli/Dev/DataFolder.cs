using Mesh.Cli.Output;

namespace Mesh.Cli.Dev;

/// <summary>The folder of one mesh on this machine: keys, database, logs, and run.json while it runs.</summary>
internal sealed class DataFolder(string path)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const int LockTries = 5;

    private static readonly TimeSpan BetweenLockTries = TimeSpan.FromMilliseconds(20);

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string Keys => In("keys");

    /// <summary>The cluster. PostgreSQL never runs as root and must get there.</summary>
    public string Postgres => OpenPlace.For(In("postgres"));

    /// <summary>The broker's, where the bus is RabbitMQ, which runs as the same user.</summary>
    public string Rabbit => OpenPlace.For(In("rabbitmq"));

    public string Logs => In("logs");

    /// <summary>Connection strings of the services, a file each.</summary>
    public string Connections => In("connections");

    /// <summary>The newest signed checkpoint of each log, out of reach of whoever puts back an older database.</summary>
    public string Checkpoints => In("checkpoints");

    /// <summary>Where the tool runner keeps <c>agents.json</c>.</summary>
    public string Run => In("run");

    /// <summary>The tool runner's own: bundles, and the scratch folders of agents, which run as other users.</summary>
    public string RunnerOf(int replica) => OpenPlace.For(In(replica == 1 ? "runner" : $"runner.{replica}"));

    /// <summary>Of all tool runners that there may be.</summary>
    public IEnumerable<string> Runners => Enumerable.Range(1, Replica.Max).Select(RunnerOf);

    /// <summary>A folder for each agent that runs. What is still in it after its tool runner's end belonged to one that left something behind.</summary>
    public static string ScratchOf(string runner) => System.IO.Path.Combine(runner, "scratch");

    public string RunFile => In("run.json");

    public string BootstrapToken => System.IO.Path.Combine(Keys, "policy", "bootstrap.token");

    /// <summary>Makes the folder and holds it until the result is disposed, or this process ends in any way.</summary>
    /// <param name="fresh">Whether to delete what an earlier mesh left.</param>
    /// <param name="runners">How many tool runners are to run.</param>
    public async Task<IDisposable> ClaimAsync(bool fresh, int runners = 1)
    {
        // The unprivileged user that PostgreSQL runs as must pass through, and can see nothing on its way.
        MakeFolder(Path, Environment.IsPrivilegedProcess ? OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : OwnerOnly);
        var claim = await LockAsync();

        // Of a launcher that was killed: its token must not go to whoever has its ports now.
        File.Delete(RunFile);
        if (fresh)
        {
            Empty();
        }

        foreach (var folder in (string[])[Logs, Connections, Checkpoints, Run])
        {
            MakeFolder(folder, OwnerOnly);
        }

        foreach (var runner in Runners.Take(runners))
        {
            OpenPlace.Make(runner);
        }

        return claim;
    }

    /// <summary>Remembers which bus the folder's messages are on, or says that they are on another one.</summary>
    /// <remarks>Whoever takes another bus does not find them: a fact would be missing from the log, and a decided approval wake nobody.</remarks>
    public void KeepTo(string bus)
    {
        var file = System.IO.Path.Combine(Run, "bus");
        var known = File.Exists(file) ? File.ReadAllText(file).Trim() : "";

        if (known.Length == 0)
        {
            File.WriteAllText(file, bus);
        }
        else if (known != bus)
        {
            throw new ProblemException(Problem.Here(
                "BUS_CHANGED",
                $"The mesh in {Path} has its messages on the bus {known}: start it with --bus {known}, begin anew with --fresh, or name another folder with --data.",
                ExitCodes.Conflict));
        }
    }

    private static void MakeFolder(string folder, UnixFileMode mode)
    {
        Directory.CreateDirectory(folder, mode);
        File.SetUnixFileMode(folder, mode);
    }

    /// <summary>Whether a launcher holds the folder now.</summary>
    public bool IsClaimed()
    {
        try
        {
            using var probe = new FileStream(LockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private string LockFile => In("launcher.lock");

    private async Task<FileStream> LockAsync()
    {
        try
        {
            // Tried for a moment: a command that looks whether a launcher lives is in the way of one that starts.
            for (var left = LockTries; ; left--)
            {
                try
                {
                    return new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                }
                catch (IOException) when (left > 1)
                {
                    await Task.Delay(BetweenLockTries);
                }
            }
        }
        catch (IOException)
        {
            throw new ProblemException(Problem.Here(
                "DATA_IN_USE",
                $"Another mesh runs in {Path}{Launcher()}: stop it, or name another folder with --data.",
                ExitCodes.Conflict));
        }
    }

    private string Launcher()
    {
        try
        {
            return $" (pid {Dev.RunFile.Read(RunFile).Launcher})";
        }
        catch (Exception error) when (error is IOException or System.Text.Json.JsonException)
        {
            return "";
        }
    }

    // Only what a mesh made: the folder may be one that has other things in it.
    private void Empty()
    {
        foreach (var folder in (string[])[Keys, Postgres, Rabbit, Logs, Connections, Checkpoints, Run, .. Runners])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
