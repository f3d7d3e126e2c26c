using System.Globalization;
using Mesh.Cli.Dev;

namespace Mesh.TestKit;

/// <summary>The PostgreSQL cluster of this test process, or the shared one that <c>MESH_TEST_POSTGRES</c> names.</summary>
/// <remarks>The server has a parent-death signal, so it ends with the test process however that ends.</remarks>
public static class TestPostgres
{
    private const string FolderPrefix = "mesh-test-";

    private static readonly Lazy<Task<string>> Shared = new(StartSharedAsync);

    /// <summary>A superuser's connection to the maintenance database.</summary>
    public static Task<string> SuperuserConnectionAsync() => Shared.Value;

    /// <summary>A cluster of the test's own, to be killed. Dispose it.</summary>
    public static async Task<OwnPostgres> StartOwnAsync(CancellationToken stop = default)
    {
        var folder = NewFolder();

        return new(await PrivatePostgres.StartAsync(folder, stop: stop), folder);
    }

    private static async Task<string> StartSharedAsync()
    {
        if (Environment.GetEnvironmentVariable("MESH_TEST_POSTGRES") is { Length: > 0 } given)
        {
            return given;
        }

        RemoveLeftovers();
        var folder = NewFolder();
        var cluster = await PrivatePostgres.StartAsync(folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            cluster.StopAsync().Wait(TimeSpan.FromSeconds(4));
            Directory.Delete(folder, recursive: true);
        };

        return cluster.SuperuserConnection("postgres");
    }

    private static string NewFolder()
    {
        // Short, for the socket's path, and in the open, because PostgreSQL may run as another user.
        var folder = $"/tmp/{FolderPrefix}{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";
        Directory.CreateDirectory(folder);

        return folder;
    }

    private static void RemoveLeftovers()
    {
        foreach (var folder in Directory.EnumerateDirectories("/tmp", FolderPrefix + "*"))
        {
            var owner = Path.GetFileName(folder)[FolderPrefix.Length..].Split('-')[0];
            if (int.TryParse(owner, CultureInfo.InvariantCulture, out var pid) && !IsAlive(pid))
            {
                try
                {
                    Directory.Delete(folder, recursive: true);
                }
                catch (IOException)
                {
                    // Another test process removes it as well.
                }
            }
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);

            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
