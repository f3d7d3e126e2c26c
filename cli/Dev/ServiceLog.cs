using System.Text;

namespace Mesh.Cli.Dev;

/// <summary>The log file of one service. It is bounded: the older half goes when the newer one is full.</summary>
internal sealed class ServiceLog(string path, long bytesMax = ServiceLog.HalfBytesMax) : IDisposable
{
    private const long HalfBytesMax = 8 * 1024 * 1024;

    private readonly Lock gate = new();
    private StreamWriter writer = Open(path);

    public string Path { get; } = path;

    public string LastLine { get; private set; } = "";

    public void Write(string line)
    {
        lock (gate)
        {
            LastLine = line;
            if (writer.BaseStream.Length > bytesMax)
            {
                writer.Dispose();
                File.Move(Path, Path + ".1", overwrite: true);
                writer = Open(Path);
            }

            writer.WriteLine(line);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            writer.Dispose();
        }
    }

    private static StreamWriter Open(string path) => new(
        new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }),
        new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
    {
        AutoFlush = true,
    };
}
