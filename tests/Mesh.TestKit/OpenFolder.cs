namespace Mesh.TestKit;

/// <summary>A temporary folder that other users may pass through, as the user that PostgreSQL runs as must; deleted at the end.</summary>
public sealed class OpenFolder : IDisposable
{
    public OpenFolder()
    {
        Path = Directory.CreateTempSubdirectory("mesh-test-").FullName;
        File.SetUnixFileMode(Path, File.GetUnixFileMode(Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
