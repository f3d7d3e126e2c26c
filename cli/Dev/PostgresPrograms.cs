using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Cli.Dev;

/// <summary>An installed PostgreSQL: the folder of its programs and its major version.</summary>
internal sealed partial record PostgresPrograms(string Folder, int Major)
{
    private const int MajorMin = 15;

    private const string DebianClusterSettings = "/etc/postgresql-common/createcluster.conf";

    public string InitDb => Path.Combine(Folder, "initdb");

    public string Postgres => Path.Combine(Folder, "postgres");

    /// <summary>The newest installed PostgreSQL, or the one of <paramref name="major"/> that existing data needs.</summary>
    public static async Task<PostgresPrograms> FindOrInstallAsync(int? major, CancellationToken stop)
    {
        var found = Find(major);
        if (found is null && major is null && DebianPackages.CanInstall)
        {
            await InstallOnDebianAsync(stop);
            found = Find(major);
        }

        return found ?? throw new PrivatePostgresException(Missing(major));
    }

    public static PostgresPrograms? Find(int? major) => Folders()
        .Where(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")))
        .Distinct()
        .Select(folder => new PostgresPrograms(folder, MajorOf(folder)))
        .Where(programs => major is null ? programs.Major >= MajorMin : programs.Major == major)
        .MaxBy(programs => programs.Major);

    private static IEnumerable<string> Folders()
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            yield return folder;
        }

        string[] versioned =
        [
            "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*/.", "/opt/homebrew/opt/postgresql*/bin",
            "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
            "/Applications/Postgres.app/Contents/Versions/*/bin",
        ];
        foreach (var pattern in versioned)
        {
            var star = pattern.IndexOf('*', StringComparison.Ordinal);
            var parent = pattern[..pattern.LastIndexOf('/', star)];
            var name = pattern[(parent.Length + 1)..pattern.IndexOf('/', star)];
            if (Directory.Exists(parent))
            {
                foreach (var folder in Directory.EnumerateDirectories(parent, name))
                {
                    yield return Path.GetFullPath(Path.Combine(folder, Path.GetFileName(pattern)));
                }
            }
        }
    }

    private static int MajorOf(string folder)
    {
        // The folder's own name is trusted where the distribution puts the version there; it saves starting a process.
        var match = VersionedFolder().Match(folder);
        if (!match.Success)
        {
            using var asked = Process.Start(new ProcessStartInfo(Path.Combine(folder, "postgres"), "--version")
            {
                RedirectStandardOutput = true,
            })!;
            match = VersionLine().Match(asked.StandardOutput.ReadToEnd());
            asked.WaitForExit();
        }

        return match.Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    private static async Task InstallOnDebianAsync(CancellationToken stop)
    {
        // Debian's package would otherwise make a cluster of its own, which nobody asked for.
        if (!File.Exists(DebianClusterSettings))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(DebianClusterSettings)!);
            await File.WriteAllTextAsync(DebianClusterSettings, "create_main_cluster = false\n", stop);
        }

        if (await DebianPackages.InstallAsync("postgresql", stop) is { } trouble)
        {
            throw new PrivatePostgresException($"PostgreSQL is not installed, and {trouble}");
        }
    }

    private static string Missing(int? major)
    {
        var version = major is null ? $"{MajorMin} or newer" : $"{major} (the data folder was made by it)";
        var package = (OperatingSystem.IsMacOS(), File.Exists("/usr/bin/apt-get"), File.Exists("/usr/bin/dnf"), File.Exists("/sbin/apk")) switch
        {
            (true, _, _, _) => "brew install postgresql@17",
            (_, true, _, _) => "sudo apt-get install postgresql",
            (_, _, true, _) => "sudo dnf install postgresql-server",
            (_, _, _, true) => "apk add postgresql",
            _ => "install it with your system's package manager",
        };

        return $"PostgreSQL {version} was not found: {package}";
    }

    [GeneratedRegex(@"/(?:postgresql|pgsql-|postgresql@|Versions)/?(\d+)(?:/|$)")]
    private static partial Regex VersionedFolder();

    [GeneratedRegex(@"PostgreSQL\)? (\d+)")]
    private static partial Regex VersionLine();
}
