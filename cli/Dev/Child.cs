using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Mesh.Cli.Dev;

/// <summary>Starts programs of the node so that none outlives the launcher, whatever ends it.</summary>
/// <remarks>
/// Two guards: the kernel kills the child when the launcher's spawning thread ends, and the child's standard input ends,
/// on which services stop. The second covers systems without the first, and the moment before the first is set.
/// </remarks>
internal static class Child
{
    private static readonly string[] Inherited = ["PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ"];
    private static readonly string[] InheritedPrefixes = ["DOTNET_", "OTEL_", "SSL_CERT_"];

    /// <summary>The dotnet that runs this program runs the services too.</summary>
    public static string Dotnet { get; } =
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    /// <summary>Starts a program of the node folder; standard input, output and error are pipes.</summary>
    public static Task<Process> StartAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        List<string> line = [];
        if (File.Exists("/usr/bin/setsid") && File.Exists("/usr/bin/setpriv"))
        {
            // A session of its own: Ctrl-C in the terminal reaches the launcher only, which stops all in order.
            line.AddRange(["/usr/bin/setsid", "/usr/bin/setpriv", "--pdeathsig=KILL", "--"]);
        }

        line.AddRange([Dotnet, Path.Combine(AppContext.BaseDirectory, program), .. arguments]);
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        Fill(start.Environment, environment);
        return SpawnThread.RunAsync(() => Process.Start(start)!);
    }

    private static void Fill(IDictionary<string, string?> to, IReadOnlyDictionary<string, string> environment)
    {
        to.Clear();
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            var name = (string)entry.Key;
            if (Inherited.Contains(name) || InheritedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                to[name] = (string?)entry.Value;
            }
        }

        // No debugger door by default: through it every program of the same user could read a service's memory.
        to.TryAdd("DOTNET_EnableDiagnostics", "0");

        // Six services share one small machine. Left alone, each lets garbage grow to the size of the processor's last cache.
        to.TryAdd("DOTNET_GCgen0size", "0x400000");

        // And each would begin with a pool thread for every core and try out more, which wake each other for little. When queued
        // work does not move for half a second, one is added still: so what blocks gets a thread of its own (OwnThread).
        to.TryAdd("DOTNET_ThreadPool_ForceMinWorkerThreads", Math.Max(1, Environment.ProcessorCount / 2).ToString("x", CultureInfo.InvariantCulture));
        to.TryAdd("DOTNET_HillClimbing_Disable", "1");
        foreach (var (name, value) in environment)
        {
            to[name] = value;
        }
    }
}
