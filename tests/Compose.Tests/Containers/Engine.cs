using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>What the tests of the containers want of an engine.</summary>
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

    private static async Task<string?> LookAsync()
    {
        if (await ContainerEngine.MissingAsync(ImagesWanted) is { } why)
        {
            return why;
        }

        Compose = await ContainerEngine.FailsAsync("docker", "compose", "version") ? ["docker-compose"] : ["docker", "compose"];
        return await ContainerEngine.FailsAsync([.. Compose, "version"]) ? "there is neither docker compose nor docker-compose" : null;
    }
}
