using System.Text;
using Mesh.Cli.Keys;

namespace Mesh.Cli.Install;

/// <summary>Writes files that are not there yet or say something else, and remembers which, so that a repeated run changes nothing.</summary>
internal sealed class InstalledFiles
{
    private readonly List<string> written = [];

    public IReadOnlyList<string> Written => written;

    public static string? Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : null;

    public void WriteSecret(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text), KeyFile.WriteSecret);

    public void WriteSecret(string path, byte[] content) => Write(path, content, KeyFile.WriteSecret);

    /// <summary>For a server that runs as another user, in the group of whoever installs.</summary>
    public void WriteGroupSecret(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text), KeyFile.WriteGroupSecret);

    public void WritePublic(string path, byte[] content) => Write(path, content, KeyFile.WritePublic);

    private void Write(string path, byte[] content, WriteFile write)
    {
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        write(path, content);
        written.Add(path);
    }

    private delegate void WriteFile(string path, ReadOnlySpan<byte> content);
}
