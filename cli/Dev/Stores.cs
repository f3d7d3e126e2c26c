using System.Security.Cryptography;
using Mesh.Cli.Output;

namespace Mesh.Cli.Dev;

/// <summary>The roles, schemas and connections of the services that keep something, and of the bus.</summary>
/// <remarks>
/// A service knows only its own login. Passwords are new at every start: nobody else has to remember them.
/// </remarks>
internal sealed class Stores(DataFolder data)
{
    private const string Bus = "bus";

    private readonly Dictionary<string, TaskCompletionSource> current =
        Names().ToDictionary(name => name, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    public string ConnectionFileOf(Service service) => Path.Combine(data.Connections, service.Name);

    /// <summary>Where the services find the URL of a broker.</summary>
    public string BrokerFile => Path.Combine(data.Run, "broker");

    public void WriteBroker(Uri url) => WriteSecret(BrokerFile, url.ToString());

    /// <summary>Completes when the service's store is up to date.</summary>
    public Task CurrentAsync(Service service, CancellationToken stop) => current[service.Name].Task.WaitAsync(stop);

    /// <summary>Brings all stores up to date. Those that are may be used while the others are still worked on.</summary>
    public async Task MigrateAsync(PrivatePostgres postgres, Terminal terminal, CancellationToken stop)
    {
        foreach (var name in Names())
        {
            var password = RandomNumberGenerator.GetHexString(48, lowercase: true);
            WriteSecret(Path.Combine(data.Connections, name), postgres.ConnectionFor($"mesh_{name}", password));
        }

        var environment = new Dictionary<string, string> { ["MESH_POSTGRES"] = postgres.SuperuserConnection() };
        using var migration = await Child.StartAsync("Mesh.Node.dll", ["migrate", data.Connections], environment);
        await using var ended = stop.Register(() => Signals.Send(migration.Id, Signals.Kill));
        var errors = migration.StandardError.ReadToEndAsync(stop);
        while (await migration.StandardOutput.ReadLineAsync(stop) is { } line)
        {
            terminal.Detail($"migrations: {line}");
            current[line.Split(' ')[0]].TrySetResult();
        }

        await migration.WaitForExitAsync(stop);
        if (migration.ExitCode != 0)
        {
            throw new ProblemException(Problem.Here(
                "MIGRATION_FAILED",
                $"The migrations failed (exit code {migration.ExitCode}): {(await errors).Trim()}",
                ExitCodes.Error));
        }
    }

    private static IEnumerable<string> Names() =>
        Service.All.Where(service => service.HasStore).Select(service => service.Name).Append(Bus);

    private static void WriteSecret(string path, string text)
    {
        File.Delete(path);
        using var file = new StreamWriter(new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }));
        file.Write(text);
    }
}
