namespace Mesh.Cli.Keys;

/// <summary>Writes the files of a key folder: secret ones readable by their owner (or its group) only, and never half of one.</summary>
internal static class KeyFile
{
    private const UnixFileMode Secret = UnixFileMode.UserRead;
    private const UnixFileMode GroupSecret = UnixFileMode.UserRead | UnixFileMode.GroupRead;
    private const UnixFileMode Public = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void CreateFolder(string path) => Directory.CreateDirectory(path, OwnerOnly);

    public static void WriteSecret(string path, ReadOnlySpan<byte> content) => Write(path, content, Secret);

    public static void WriteGroupSecret(string path, ReadOnlySpan<byte> content) => Write(path, content, GroupSecret);

    public static void WritePublic(string path, ReadOnlySpan<byte> content) => Write(path, content, Public);

    private static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        // The mode is set when the file is created, so that nobody can open a secret in between.
        var draft = $"{path}.{Guid.NewGuid():N}.new";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = mode,
        };

        using (var file = new FileStream(draft, options))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        // A rename replaces the file at once: a reader sees the old one or the new one.
        File.Move(draft, path, overwrite: true);
    }
}
