using System.Diagnostics;

namespace Compose.Tests.Containers;

/// <summary>The container engine of this machine, by its own programs.</summary>
internal static class Engine
{
    // What the images are made from, and what runs beside them.
    private static readonly string[] ImagesWanted = ["mcr.microsoft.com/dotnet/sdk:10.0", "mcr.microsoft.com/dotnet/aspnet:10.0", "postgres:17", "rabbitmq:4"];

    private static readonly Lazy<Task<string?>> Look = new(LookAsync);

    /// <summary>The words that start compose: <c>docker compose</c>, else <c>docker-compose</c>.</summary>
    public static string[] Compose { get; private set; } = [];

    /// <summary>Why containers cannot be used here; null when they can.</summary>
    public static Task<string?> MissingAsync() => Look.Value;

    /// <summary>Ends the test as skipped, with the reason, where there is no engine; else the images are built after this.</summary>
    public static async Task RequireAsync()
    {
        if (await MissingAsync() is { } why)
        {
            Assert.Skip(why);
        }

        await Images.BuiltAsync();
    }

    public static async Task<(int ExitCode, string Output, string Errors)> TryAsync(string[] command, IReadOnlyDictionary<string, string>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Mesh.TestKit.Repository.Root,
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

    public static async Task<string> RunAsync(string[] command, IReadOnlyDictionary<string, string>? environment = null, string? folder = null)
    {
        var (exitCode, output, errors) = await TryAsync(command, environment, folder);
        return exitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)}: exit code {exitCode}: {Tail(output)}{Tail(errors)}");
    }

    /// <summary>What the engine says of a container, in the form of <c>docker inspect -f</c>.</summary>
    public static async Task<string> InspectAsync(string container, string format) => (await RunAsync(["docker", "inspect", "-f", format, container])).Trim();

    private static string Tail(string text) => text[^Math.Min(text.Length, 4_000)..];

    private static async Task<string?> LookAsync()
    {
        if (await FailsAsync("docker", "info"))
        {
            return "no container engine answers (docker info)";
        }

        Compose = !await FailsAsync("docker", "compose", "version") ? ["docker", "compose"] : ["docker-compose"];

        if (await FailsAsync([.. Compose, "version"]))
        {
            return "there is neither docker compose nor docker-compose";
        }

        foreach (var image in ImagesWanted)
        {
            if (await FailsAsync("docker", "image", "inspect", image) && await FailsAsync("docker", "pull", "-q", image))
            {
                return $"the image {image} is not here and cannot be pulled";
            }
        }

        return null;
    }

    private static async Task<bool> FailsAsync(params string[] command)
    {
        try
        {
            return (await TryAsync(command)).ExitCode != 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return true;
        }
    }
}
