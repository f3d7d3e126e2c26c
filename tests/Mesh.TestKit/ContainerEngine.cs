using System.ComponentModel;
using System.Diagnostics;
using DotNet.Testcontainers.Configurations;

namespace Mesh.TestKit;

/// <summary>The container engine of this machine, by its own programs. <c>MESH_TEST_ENGINE=none</c> leaves it out.</summary>
public static class ContainerEngine
{
    private static readonly Lazy<Task<string?>> Look = new(LookAsync);

    /// <summary>Why containers of these images cannot be used here; null when they can.</summary>
    public static async Task<string?> MissingAsync(params string[] images)
    {
        if (await Look.Value is { } why)
        {
            return why;
        }

        foreach (var image in images)
        {
            if (await FailsAsync("docker", "image", "inspect", image) && await FailsAsync("docker", "pull", "-q", image))
            {
                return $"the image {image} is not here and cannot be pulled";
            }
        }

        return null;
    }

    /// <summary>Runs a program in the repository to its end; its standard input is empty.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> TryAsync(string[] command, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, said[0], said[1]);
    }

    /// <summary>The same; throws with what it said when it fails, and answers its standard output.</summary>
    public static async Task<string> RunAsync(string[] command, IReadOnlyDictionary<string, string>? environment = null)
    {
        var (exitCode, output, errors) = await TryAsync(command, environment);
        return exitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)}: exit code {exitCode}: {Tail(output)}{Tail(errors)}");
    }

    /// <summary>What the engine says of a container, in the form of <c>docker inspect -f</c>.</summary>
    public static async Task<string> InspectAsync(string container, string format) => (await RunAsync(["docker", "inspect", "-f", format, container])).Trim();

    /// <summary>Whether a program is not there or fails.</summary>
    public static async Task<bool> FailsAsync(params string[] command)
    {
        try
        {
            return (await TryAsync(command)).ExitCode != 0;
        }
        catch (Win32Exception)
        {
            return true;
        }
    }

    private static string Tail(string text) => text[^Math.Min(text.Length, 4_000)..];

    private static async Task<string?> LookAsync()
    {
        if (Environment.GetEnvironmentVariable("MESH_TEST_ENGINE") == "none")
        {
            return "the container engine is left out (MESH_TEST_ENGINE=none)";
        }

        if (await FailsAsync("docker", "info"))
        {
            return "no container engine answers (docker info)";
        }

        // Testcontainers begins with a newer API than an older engine has, and removes by a container of its own what the tests remove themselves.
        if (Environment.GetEnvironmentVariable("DOCKER_API_VERSION") is not { Length: > 0 })
        {
            Environment.SetEnvironmentVariable("DOCKER_API_VERSION", (await RunAsync(["docker", "version", "-f", "{{.Server.APIVersion}}"])).Trim());
        }

        TestcontainersSettings.ResourceReaperEnabled = false;
        return null;
    }
}
