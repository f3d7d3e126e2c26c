using System.Text;

namespace Mesh.Cli.Dev;

/// <summary>The log file of one service. It is bounded: the older half goes when the newer one is full.</summary>
/// <remarks>On a full disk lines are lost, and it says how many. Whoever writes must go on reading, or the service would stop at a full pipe.</remarks>
internal sealed class ServiceLog(string path, long bytesMax = ServiceLog.HalfBytesMax) : IDisposable
{
    private const long HalfBytesMax = 8 * 1024 * 1024;

    private readonly Lock gate = new();
    private FileStream? file;
    private long lost;

    public string Path { get; } = path;

    public string LastLine { get; private set; } = "";

    public void Write(string line)
    {
        lock (gate)
        {
            LastLine = line;

            try
            {
                // What was lost may have left half a line.
                Append(lost == 0 ? $"{line}\n" : $"\n-- {lost} lines were lost here: the log could not be written\n{line}\n");
                lost = 0;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                lost++;
                Close();
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            Close();
        }
    }

    private void Append(string text)
    {
        if (file?.Length > bytesMax)
        {
            Close();
            File.Move(Path, Path + ".1", overwrite: true);
        }

        file ??= new FileStream(Path, new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    private void Close()
    {
        file?.Dispose();
        file = null;
    }
}
