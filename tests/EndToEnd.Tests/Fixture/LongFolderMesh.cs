using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh in a folder whose path is longer than that of any socket may be.</summary>
public sealed class LongFolderMesh : RefundMesh, IAsyncLifetime
{
    private const int Length = 120;

    private readonly OpenFolder parent = new();

    protected override string Folder => Path.Combine(parent.Path, new string('m', Length - parent.Path.Length - 1));

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        parent.Dispose();
    }
}
