namespace Mesh.Toolrunner.Agents;

/// <summary>Keeps what an agent prints, bounded: a full file becomes the older half, and the older half is dropped.</summary>
internal static class OutputFile
{
    private const int HalfBytesMax = 1024 * 1024;

    /// <summary>Reads until the agent is gone, on a thread of its own: reading a pipe blocks, and the pool's threads are few.</summary>
    public static void Follow(Stream output, string? path) =>
        new Thread(() => Copy(output, path), maxStackSize: 128 * 1024) { IsBackground = true, Name = "agent-output" }.Start();

    private static void Copy(Stream output, string? path)
    {
        var buffer = new byte[8 * 1024];
        FileStream? file = null;

        try
        {
            while (output.Read(buffer) is > 0 and var read)
            {
                if (path is null)
                {
                    continue;
                }

                file ??= Open(path);

                if (file.Length + read > HalfBytesMax)
                {
                    file.Dispose();
                    File.Move(path, path + ".old", overwrite: true);
                    file = Open(path);
                }

                file.Write(buffer, 0, read);
                file.Flush();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // A full disk costs the agent its output, and its pipe breaks; it must not cost the runner anything.
        }
        finally
        {
            file?.Dispose();
            output.Dispose();
        }
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.Append,
        Access = FileAccess.Write,
        Share = FileShare.Read | FileShare.Delete,
        BufferSize = 0,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });
}
