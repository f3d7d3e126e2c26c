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
                if (path is not null)
                {
                    file = Append(file, path, buffer.AsSpan(0, read));
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The agent is gone.
        }
        finally
        {
            file?.Dispose();
            output.Dispose();
        }
    }

    // The file to go on with; none if it could not be written. A full disk costs the agent its output and nothing else: it is
    // read on, or the agent would stop at a full pipe.
    private static FileStream? Append(FileStream? file, string path, ReadOnlySpan<byte> printed)
    {
        try
        {
            file ??= Open(path);

            if (file.Length + printed.Length > HalfBytesMax)
            {
                file.Dispose();
                File.Move(path, path + ".old", overwrite: true);
                file = Open(path);
            }

            file.Write(printed);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            return null;
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
