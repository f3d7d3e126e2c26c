using Mesh.TestKit;

namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh where nobody but its owner can get to, as in the home of root.</summary>
public sealed class ClosedFolderMesh : RefundMesh, IAsyncLifetime
{
    private readonly OpenFolder parent = new();

    protected override string Folder => Path.Combine(parent.Path, "mesh");

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        File.SetUnixFileMode(parent.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await InitializeAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        DevMesh.DeleteMoved(Folder);
        parent.Dispose();
    }
}
