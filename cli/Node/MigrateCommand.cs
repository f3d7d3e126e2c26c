using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mesh.Cli.Dev;
using Mesh.Cli.Output;
using Npgsql;

namespace Mesh.Cli.Node;

/// <summary><c>mesh db migrate</c>: brings the stores of all services up to date.</summary>
internal static partial class MigrateCommand
{
    private static readonly TimeSpan WaitPause = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var postgres = new Option<string?>("--postgres")
        {
            Description = "A superuser's connection, as Npgsql takes it (MESH_POSTGRES, MESH_POSTGRES_FILE). Without it, the database of --data is used, and started for this when no mesh runs there.",
            HelpName = "CONNECTION",
        };
        var connections = new Option<DirectoryInfo?>("--connections")
        {
            Description = "With --postgres: a folder with a file per store (orchestrator, policy, vault, audit, bus), each a connection string.",
            HelpName = "DIR",
        };
        var wait = LengthOfTime.Option("--wait", "With --postgres: how long to wait for a server that does not answer yet.");
        var command = new Command("migrate", "Bring the stores of all services up to date. Safe to repeat.") { postgres, connections, wait };

        command.Runs(async (session, stop) =>
        {
            var admin = session.Parse.GetValue(postgres) ?? Setting.Read("MESH_POSTGRES");
            var folder = session.Parse.GetValue(connections);
            var stores = (admin, folder) switch
            {
                ({ Length: > 0 }, not null) => await RunThereAsync(admin, folder.FullName, session.Parse.GetValue(wait), stop),
                ({ Length: > 0 }, null) => throw new ProblemException(Problem.Usage("--postgres needs --connections too.")),
                (_, not null) => throw new ProblemException(Problem.Usage("--connections needs --postgres (or MESH_POSTGRES) too.")),
                _ => await RunHereAsync(new DataFolder(session.Parse.GetValue(GlobalOptions.Data)!.FullName), stop),
            };
            session.Printer.Print(
                new JsonArray([.. stores.Select(one => new JsonObject { ["store"] = one.Store, ["migrations"] = one.Count })]),
                string.Join('\n', stores.Select(one => one.Store)),
                to =>
                {
                    foreach (var (store, count) in stores)
                    {
                        to.WriteLine(count == 0 ? $"{store,-14} up to date" : $"{store,-14} {count} migrations run");
                    }
                });
            return ExitCodes.Done;
        });
        return command.WithExample("""
            mesh db migrate
            mesh db migrate --postgres "Host=db;Username=postgres;Password=..." --connections /etc/mesh/connections
            """);
    }

    private static async Task<IReadOnlyList<(string Store, int Count)>> RunThereAsync(string admin, string connections, TimeSpan? wait, CancellationToken stop)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(WaitPause, stop))
        {
            try
            {
                await using var connection = new NpgsqlConnection(admin);
                await connection.OpenAsync(stop);
                return await RunNodeAsync(admin, connections, stop);
            }
            catch (NpgsqlException silent) when (silent is not PostgresException || silent.SqlState == PostgresErrorCodes.CannotConnectNow)
            {
                if (clock.Elapsed >= (wait ?? TimeSpan.Zero))
                {
                    throw new ProblemException(Problem.Here("POSTGRES_SILENT", $"PostgreSQL does not answer: {silent.Message}", ExitCodes.NotReachable));
                }
            }
            catch (PostgresException refused)
            {
                throw new ProblemException(Problem.Here(
                    "POSTGRES_REFUSED", $"PostgreSQL does not let the superuser of --postgres (MESH_POSTGRES) in: {refused.MessageText} ({refused.SqlState}).", ExitCodes.NotAllowed));
            }
        }
    }

    // The database of a mesh that runs is asked as it is; one that does not run is started for this.
    private static Task<IReadOnlyList<(string Store, int Count)>> RunHereAsync(DataFolder data, CancellationToken stop) =>
        Running(data) is { } run
            ? RunNodeAsync(NpgsqlFormOf(run.Postgres), data.Connections, stop)
            : RunStoppedAsync(data, stop);

    private static RunFile? Running(DataFolder data)
    {
        try
        {
            // A launcher that was killed left its file behind.
            return RunFile.Read(data.RunFile) is var run && Signals.Send(run.Launcher, Signals.None) ? run : null;
        }
        catch (Exception absent) when (absent is IOException or JsonException)
        {
            return null;
        }
    }

    // run.json has it in libpq's form, as psql takes it.
    private static string NpgsqlFormOf(string libpq)
    {
        var words = Word().Matches(libpq).ToDictionary(word => word.Groups[1].Value, word => word.Groups[2].Value.Trim('\''));
        return new NpgsqlConnectionStringBuilder
        {
            Host = words["host"],
            Username = words["user"],
            Password = words["password"],
            Database = words["dbname"],
        }.ConnectionString;
    }

    private static async Task<IReadOnlyList<(string Store, int Count)>> RunStoppedAsync(DataFolder data, CancellationToken stop)
    {
        if (!Directory.Exists(data.Postgres))
        {
            throw new ProblemException(Problem.Here(
                "MESH_NOT_FOUND", $"{data.Path} has no database: name the folder of a mesh with --data, or a server with --postgres.", ExitCodes.NotFound));
        }

        // Claimed, so that no mesh starts in it meanwhile; one that is just starting is refused here.
        using var claim = await data.ClaimAsync(fresh: false);
        await using var postgres = await PrivatePostgres.StartAsync(data.Postgres, stop: stop);
        return await RunNodeAsync(postgres.SuperuserConnection(), data.Connections, stop);
    }

    private static async Task<IReadOnlyList<(string Store, int Count)>> RunNodeAsync(string admin, string connections, CancellationToken stop)
    {
        using var migration = await Child.StartAsync(
            "Mesh.Node.dll", ["migrate", connections], new Dictionary<string, string> { ["MESH_POSTGRES"] = admin });
        await using var ended = stop.Register(() => Signals.Send(migration.Id, Signals.Kill));
        var errors = migration.StandardError.ReadToEndAsync(stop);
        var stores = new List<(string Store, int Count)>();
        while (await migration.StandardOutput.ReadLineAsync(stop) is { } line)
        {
            if (line.Split(' ') is [var store, var count] && int.TryParse(count, out var ran))
            {
                stores.Add((store, ran));
            }
        }

        await migration.WaitForExitAsync(stop);
        return migration.ExitCode == 0
            ? stores
            : throw new ProblemException(Problem.Here("MIGRATION_FAILED", (await errors).Trim(), ExitCodes.Error));
    }

    [GeneratedRegex("(\\w+)=('[^']*'|\\S+)")]
    private static partial Regex Word();
}
