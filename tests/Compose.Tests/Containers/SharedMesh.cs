namespace Compose.Tests.Containers;

/// <summary>One mesh for the tests that leave it as they found it.</summary>
public sealed class SharedMesh : IAsyncLifetime
{
    private ContainerMesh? mesh;

    /// <summary>The mesh; where there is no engine, the test ends as skipped.</summary>
    public async Task<ContainerMesh> MeshAsync()
    {
        await Engine.RequireAsync();
        return mesh!;
    }

    public async ValueTask InitializeAsync()
    {
        if (await Engine.MissingAsync() is null)
        {
            await Images.BuiltAsync();
            mesh = await ContainerMesh.StartAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (mesh is not null)
        {
            await mesh.DisposeAsync();
        }
    }
}

/// <summary>The tests that share it.</summary>
[CollectionDefinition(Name)]
public sealed class OnSharedMesh : ICollectionFixture<SharedMesh>
{
    public const string Name = "shared mesh";
}
