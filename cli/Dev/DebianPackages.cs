using System.Diagnostics;

namespace Mesh.Cli.Dev;

/// <summary>Installs servers from Debian's packages, without the instance that a package would start by itself.</summary>
internal static class DebianPackages
{
    private const string ServicePolicy = "/usr/sbin/policy-rc.d";

    // The package manager and the policy are one machine's: servers that are wanted at once are installed in turn.
    private static readonly SemaphoreSlim Turn = new(1);

    /// <summary>Whether this user may install packages here.</summary>
    public static bool CanInstall => Environment.IsPrivilegedProcess && File.Exists("/usr/bin/apt-get");

    /// <summary>Installs a package; answers what went wrong, or null.</summary>
    public static async Task<string?> InstallAsync(string package, CancellationToken stop)
    {
        await Turn.WaitAsync(stop);

        // What Debian asks before a package starts its service; 101 says no.
        var isOurs = !File.Exists(ServicePolicy);

        try
        {
            if (isOurs)
            {
                await File.WriteAllTextAsync(ServicePolicy, "#!/bin/sh\nexit 101\n", stop);
                File.SetUnixFileMode(ServicePolicy, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            return await RunAsync("update -q", stop) ?? await RunAsync($"install -y -q --no-install-recommends {package}", stop);
        }
        finally
        {
            if (isOurs)
            {
                File.Delete(ServicePolicy);
            }

            Turn.Release();
        }
    }

    private static async Task<string?> RunAsync(string arguments, CancellationToken stop)
    {
        var start = new ProcessStartInfo("/usr/bin/apt-get", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using var apt = Process.Start(start)!;

        // To its end also when nobody wants it any more: a half-installed package is worse, and the policy must stay until then.
        var said = await Task.WhenAll(apt.StandardOutput.ReadToEndAsync(CancellationToken.None), apt.StandardError.ReadToEndAsync(CancellationToken.None));
        await apt.WaitForExitAsync(CancellationToken.None);
        stop.ThrowIfCancellationRequested();

        return apt.ExitCode == 0 ? null : $"`apt-get {arguments}` failed (exit code {apt.ExitCode}): {said[1].ReplaceLineEndings(" ").Trim()}";
    }
}
