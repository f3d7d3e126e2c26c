using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>The images of this checkout, built for this run of tests alone.</summary>
public sealed class Images : IAsyncDisposable
{
    private static readonly string Tag = Guid.NewGuid().ToString("N")[..8];

    private static readonly Lazy<Task> Build = new(BuildAsync);

    public static string OfMesh { get; } = $"mesh:test-{Tag}";

    public static string OfSample { get; } = $"mesh-sample:test-{Tag}";

    /// <summary>What a build needs to hear here.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; private set; } = new Dictionary<string, string>();

    /// <summary>Completes when they are built.</summary>
    public static Task BuiltAsync() => Build.Value;

    public async ValueTask DisposeAsync()
    {
        if (Build.IsValueCreated)
        {
            await ContainerEngine.TryAsync(["docker", "image", "rm", OfMesh, OfSample]);

            // The stages before the last, which have no name.
            await ContainerEngine.TryAsync(["docker", "image", "prune", "-f", "--filter", "label=mesh.stage"]);
        }
    }

    private static async Task BuildAsync()
    {
        var hasBuildKit = (await ContainerEngine.TryAsync(["docker", "buildx", "version"])).ExitCode == 0;
        Environment = new Dictionary<string, string>
        {
            ["MESH_IMAGE"] = OfMesh,
            ["MESH_SAMPLE_IMAGE"] = OfSample,
            ["MESH_BUILD_NETWORK"] = "host",
            ["DOCKER_BUILDKIT"] = hasBuildKit ? "1" : "0",
        };
        await ContainerEngine.RunAsync([.. Engine.Compose, "-f", "compose/compose.yaml", "-f", "compose/compose.sample.yaml", "build", "init", "sample-secrets"], Environment);
    }
}
