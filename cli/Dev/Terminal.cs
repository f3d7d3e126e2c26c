using System.Text.Json;

namespace Mesh.Cli.Dev;

/// <summary>What the user of <c>mesh dev</c> sees: its own lines, and of the services' only problems, unless verbose.</summary>
internal sealed class Terminal(TextWriter to, TextWriter errors, bool verbose)
{
    private readonly Lock gate = new();

    public void Say(string line) => Write(to, line);

    public void Warn(string line) => Write(errors, line);

    public void Detail(string line)
    {
        if (verbose)
        {
            Write(to, line);
        }
    }

    public void Log(string service, string line, bool isError)
    {
        // What is no log line of ours comes from the runtime, and only in trouble.
        var (level, message) = isError ? ("error", line) : Read(line);
        if (verbose || level is "warn" or "error" or "fatal")
        {
            Write(errors, $"{service} {level}: {message}");
        }
    }

    private static (string Level, string Message) Read(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return (json.RootElement.GetProperty("level").GetString() ?? "error", json.RootElement.GetProperty("msg").GetString() ?? line);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return ("error", line);
        }
    }

    private void Write(TextWriter writer, string line)
    {
        lock (gate)
        {
            try
            {
                writer.WriteLine(line);
            }
            catch (IOException)
            {
                // The terminal is gone. The mesh is told to stop by a signal, not by this.
            }
        }
    }
}
