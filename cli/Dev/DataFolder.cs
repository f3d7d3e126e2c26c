using Mesh.Cli.Output;

namespace Mesh.Cli.Dev;

/// <summary>The folder of one mesh on this machine: keys, database, logs, and run.json while it runs.</summary>
internal sealed class DataFolder(string path)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string Keys => In("keys");

    public string Postgres => In("postgres");

    public string Logs => In("logs");

    /// <summary>Connection strings of the services, a file each.</summary>
    public string Connections => In("connections");

    /// <summary>Where the tool runner keeps <c>agents.json</c>.</summary>
    public string Run => In("run");

    /// <summary>The tool runner's own: bundles, and the scratch folders of agents, which run as other users.</summary>
    public string Runner => In("runner");

    public string RunFile => In("run.json");

    public string BootstrapToken => System.IO.Path.Combine(Keys, "policy", "bootstrap.token");

    /// <summary>Makes the folder and holds it until the result is disposed, or this process ends in any way.</summary>
    public IDisposable Claim(bool fresh)
    {
        // The unprivileged user that PostgreSQL runs as must pass through, and can see nothing on its way.
        MakeFolder(Path, Environment.IsPrivilegedProcess ? OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : OwnerOnly);
        var claim = Lock();
        if (fresh)
        {
            Empty();
        }

        foreach (var folder in (string[])[Logs, Connections, Run])
        {
            MakeFolder(folder, OwnerOnly);
        }

        return claim;
    }

    private static void MakeFolder(string folder, UnixFileMode mode)
    {
        Directory.CreateDirectory(folder, mode);
        File.SetUnixFileMode(folder, mode);
    }

    private FileStream Lock()
    {
        try
        {
            return new FileStream(In("launcher.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
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
        File.Delete(RunFile);
        foreach (var folder in (string[])[Keys, PrivatePostgres.FolderFor(Postgres), Logs, Connections, Run])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
