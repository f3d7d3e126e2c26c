using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Mesh.Cli.Dev;

/// <summary>A PostgreSQL cluster of our own, from installed binaries: socket only, owner only, gone when we are gone.</summary>
internal sealed class PrivatePostgres : IAsyncDisposable
{
    public const string Superuser = "mesh_admin";

    private const int SocketPathMax = 107;

    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(20);

    private readonly string folder;
    private readonly string socketFolder;
    private readonly PostgresAccount? account;
    private readonly IReadOnlyDictionary<string, string> extraSettings;
    private readonly string password;
    private PostgresPrograms? programs;
    private Process? postmaster;
    private Process? guard;

    private PrivatePostgres(string folder, PostgresAccount? account, IReadOnlyDictionary<string, string> extraSettings)
    {
        this.folder = folder;
        this.account = account;
        this.extraSettings = extraSettings;
        MakeFolder(folder);
        password = ReadOrMakePassword();
        socketFolder = MakeSocketFolder();
    }

    /// <summary>The postmaster, to be killed by crash tests.</summary>
    public int Pid => postmaster?.Id ?? throw new InvalidOperationException("PostgreSQL is not running.");

    /// <summary>Completes when the postmaster ends, whoever ended it.</summary>
    public Task Exited => postmaster?.WaitForExitAsync() ?? Task.CompletedTask;

    public string Log => Path.Combine(folder, "postgres.log");

    private string Data => Path.Combine(folder, "data");

    /// <summary>Makes the cluster if the folder has none, starts it, and returns when it answers.</summary>
    /// <param name="wanted">Where the cluster is kept; see <see cref="OpenPlace"/> for where it really is when root asks.</param>
    /// <param name="settings">More server settings. The durability settings cannot be changed.</param>
    /// <param name="stop">Ends the wait, and the server with it.</param>
    public static async Task<PrivatePostgres> StartAsync(
        string wanted, IReadOnlyDictionary<string, string>? settings = null, CancellationToken stop = default)
    {
        var cluster = new PrivatePostgres(OpenPlace.For(wanted), PostgresAccount.ForThisProcess(), settings ?? new Dictionary<string, string>());
        try
        {
            await cluster.StartAsync(stop);
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }

        return cluster;
    }

    /// <summary>The connection of the superuser to a database.</summary>
    public string SuperuserConnection(string database = "mesh") => ConnectionFor(Superuser, password, database);

    /// <summary>The connection of a role to a database, as an Npgsql connection string.</summary>
    public string ConnectionFor(string role, string rolePassword, string database = "mesh") => new NpgsqlConnectionStringBuilder
    {
        Host = socketFolder,
        Username = role,
        Password = rolePassword,
        Database = database,
    }.ConnectionString;

    /// <summary>The superuser's connection in libpq keyword form, for psql and for run.json.</summary>
    public string LibpqConnection(string database = "mesh") =>
        $"host='{socketFolder}' user={Superuser} password='{password}' dbname={database}";

    /// <summary>Starts the server again on the same data, after a stop or a crash. Connections stay valid.</summary>
    public async Task StartAsync(CancellationToken stop = default)
    {
        var version = Path.Combine(Data, "PG_VERSION");
        int? major = File.Exists(version) ? int.Parse(await File.ReadAllTextAsync(version, stop), CultureInfo.InvariantCulture) : null;
        programs ??= await PostgresPrograms.FindOrInstallAsync(major, stop);
        var isNew = major is null;
        if (isNew)
        {
            await MakeClusterAsync(stop);
        }

        await StartServerAsync(stop);
        await MakeDatabaseAsync(stop);
    }

    /// <summary>Stops fast: open transactions are rolled back, committed ones are safe. At most about three seconds.</summary>
    public async Task StopAsync()
    {
        if (postmaster is null)
        {
            return;
        }

        foreach (var (signal, patience) in ((int, double)[])[(Signals.Interrupt, 2.5), (Signals.Quit, 0.5), (Signals.Kill, 5)])
        {
            if (postmaster.HasExited)
            {
                break;
            }

            Signals.Send(postmaster.Id, signal);
            await Task.WhenAny(postmaster.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(patience)));
        }

        EndGuard();
        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>Kills the server as a power failure of the process would, for crash tests.</summary>
    public async Task KillAsync()
    {
        Signals.Send(Pid, Signals.Kill);
        await postmaster!.WaitForExitAsync();
        EndGuard();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        postmaster?.Dispose();
        if (!socketFolder.StartsWith(folder, StringComparison.Ordinal) && Directory.Exists(socketFolder))
        {
            Directory.Delete(socketFolder, recursive: true);
        }
    }

    private void MakeFolder(string path)
    {
        OpenPlace.Make(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        account?.Own(path);
    }

    private string ReadOrMakePassword()
    {
        // Kept by us, outside of the data folder. The folder admits only its owner.
        var file = Path.Combine(folder, "superuser");
        if (!File.Exists(file))
        {
            using var made = new FileStream(file, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            made.Write(Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(48, lowercase: true)));
            account?.Own(file);
        }

        return File.ReadAllText(file).Trim();
    }

    private string MakeSocketFolder()
    {
        var near = Path.Combine(folder, "run");
        if (Encoding.UTF8.GetByteCount(near) + "/.s.PGSQL.5432".Length >= SocketPathMax)
        {
            // CreateTempSubdirectory admits only the owner.
            near = Directory.CreateTempSubdirectory("mesh-pg-").FullName;
        }

        MakeFolder(near);

        return near;
    }

    private async Task MakeClusterAsync(CancellationToken stop)
    {
        // A crash in the middle of an earlier attempt leaves a folder that initdb would refuse.
        if (Directory.Exists(Data))
        {
            Directory.Delete(Data, recursive: true);
        }

        // Syncing each file as it is made takes seconds; one pass at the end is as safe, because nothing is in it yet.
        await RunAsync(programs!.InitDb, ["-N", "-D", Data, "-U", Superuser, "-A", "scram-sha-256", "--pwfile", Path.Combine(folder, "superuser"), "-E", "UTF8", "--locale=C", "--no-instructions"], stop);
        await RunAsync(programs.InitDb, ["-S", "-D", Data], stop);
    }

    private async Task RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken stop)
    {
        var start = StartOf([program, .. arguments], diesWithUs: true);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = await SpawnThread.RunAsync(() => Spawn(start));
        var output = process.StandardOutput.ReadToEndAsync(stop);
        var errors = await process.StandardError.ReadToEndAsync(stop);
        await output;
        await process.WaitForExitAsync(stop);
        if (process.ExitCode != 0)
        {
            throw new PrivatePostgresException($"{program} failed: {errors.ReplaceLineEndings(" ").Trim()}");
        }
    }

    private async Task StartServerAsync(CancellationToken stop)
    {
        var deadline = Stopwatch.StartNew();
        while (true)
        {
            await File.WriteAllTextAsync(Log, "", stop);
            account?.Own(Log);
            postmaster?.Dispose();
            postmaster = await SpawnThread.RunAsync(() => Spawn(ServerStart()));
            await StartGuardAsync();
            while (!postmaster.HasExited)
            {
                stop.ThrowIfCancellationRequested();
                switch (await AnswerAsync(stop))
                {
                    case Answer.Ready:
                        return;
                    case Answer.Recovers:
                        // As long as it takes: it reads its log again after a crash, and a server that is killed at it begins anew.
                        deadline.Restart();
                        break;
                }

                if (deadline.Elapsed > StartMax)
                {
                    throw new PrivatePostgresException($"PostgreSQL did not answer within {StartMax.TotalSeconds:0} s; see {Log}");
                }

                await Task.Delay(15, stop);
            }

            // After a crash the old server's processes may need a moment to notice that it is gone.
            var said = await File.ReadAllTextAsync(Log, stop);
            if (deadline.Elapsed > StartMax || !(said.Contains("still in use", StringComparison.Ordinal) || said.Contains("already exists", StringComparison.Ordinal)))
            {
                throw new PrivatePostgresException($"PostgreSQL did not start: {said.ReplaceLineEndings(" ").Trim()}");
            }

            await Task.Delay(100, stop);
        }
    }

    private ProcessStartInfo ServerStart()
    {
        var settings = new Dictionary<string, string>(extraSettings)
        {
            ["listen_addresses"] = "",
            ["unix_socket_directories"] = socketFolder,
            ["unix_socket_permissions"] = "0700",
            ["password_encryption"] = "scram-sha-256",
            ["fsync"] = "on",
            ["synchronous_commit"] = "on",
            ["full_page_writes"] = "on",
        };
        foreach (var (name, value) in SmallNode)
        {
            settings.TryAdd(name, value);
        }

        // The log is opened by the shell and inherited, so that no pipe has to be drained and none can break.
        List<string> command = ["/bin/sh", "-c", $"exec \"$@\" </dev/null >>'{Log}' 2>&1", "sh"];
        if (File.Exists("/usr/bin/setsid"))
        {
            // A session of its own: Ctrl-C in the terminal reaches us, and we stop the server last.
            command.Add("/usr/bin/setsid");
        }

        command.AddRange([programs!.Postgres, "-D", Data]);
        command.AddRange(settings.SelectMany(setting => (string[])["-c", $"{setting.Key}={setting.Value}"]));

        return StartOf(command, diesWithUs: true);
    }

    private static readonly Dictionary<string, string> SmallNode = new()
    {
        ["shared_buffers"] = "32MB",
        ["max_connections"] = "200",
        ["wal_level"] = "replica",
        ["max_wal_senders"] = "2",
        ["max_logical_replication_workers"] = "0",
        ["max_wal_size"] = "512MB",
        ["jit"] = "off",
        ["timezone"] = "UTC",
        ["log_timezone"] = "UTC",
        // An open transaction holds back vacuum for the whole cluster.
        ["idle_in_transaction_session_timeout"] = "60s",
    };

    private ProcessStartInfo StartOf(IReadOnlyList<string> command, bool diesWithUs)
    {
        List<string> line = [];
        if (File.Exists("/usr/bin/setpriv"))
        {
            line.Add("/usr/bin/setpriv");
            if (account is not null)
            {
                line.AddRange([$"--reuid={account.User}", $"--regid={account.Group}", "--clear-groups"]);
            }

            if (diesWithUs)
            {
                line.Add("--pdeathsig=INT");
            }

            line.Add("--");
        }
        else if (account is not null)
        {
            throw new PrivatePostgresException("PostgreSQL cannot run as root, and /usr/bin/setpriv (util-linux) is missing: run as another user.");
        }

        line.AddRange(command);
        var start = new ProcessStartInfo(line[0], line[1..]) { WorkingDirectory = "/" };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["LC_ALL"] = "C";

        return start;
    }

    /// <summary>Where the kernel has no parent-death signal, a shell that waits for the end of its input stands in.</summary>
    private async Task StartGuardAsync()
    {
        if (File.Exists("/usr/bin/setpriv"))
        {
            return;
        }

        var start = new ProcessStartInfo("/bin/sh", ["-c", $"read -r _ || kill -INT {postmaster!.Id}"]) { RedirectStandardInput = true };
        guard = await SpawnThread.RunAsync(() => Spawn(start));
    }

    private void EndGuard()
    {
        if (guard is { HasExited: false })
        {
            guard.StandardInput.WriteLine();
        }

        guard?.Dispose();
        guard = null;
    }

    private async Task<Answer> AnswerAsync(CancellationToken stop)
    {
        if (!File.Exists(Path.Combine(socketFolder, ".s.PGSQL.5432")))
        {
            return Answer.None;
        }

        try
        {
            await using var connection = new NpgsqlConnection(SuperuserConnection("postgres") + ";Pooling=false;Timeout=2");
            await connection.OpenAsync(stop);

            return Answer.Ready;
        }
        catch (PostgresException notYet) when (notYet.SqlState == PostgresErrorCodes.CannotConnectNow)
        {
            return Answer.Recovers;
        }
        catch (NpgsqlException)
        {
            return Answer.None;
        }
    }

    private enum Answer
    {
        None,
        Recovers,
        Ready,
    }

    private async Task MakeDatabaseAsync(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(SuperuserConnection("postgres") + ";Pooling=false");
        await connection.OpenAsync(stop);
        await using var exists = new NpgsqlCommand("select exists (select from pg_database where datname = 'mesh')", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(stop))!)
        {
            await using var make = new NpgsqlCommand("create database mesh", connection);
            await make.ExecuteNonQueryAsync(stop);
        }
    }

    private static Process Spawn(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new PrivatePostgresException($"{start.FileName} cannot be started: {error.Message}");
        }
    }
}
