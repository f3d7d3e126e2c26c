using System.Text.Json;

namespace Mesh.Cli.Dev;

/// <summary>The agent processes, from the file that the tool runner keeps; tells at once when it changed.</summary>
internal sealed class RunningAgents : IDisposable
{
    private const string Name = "agents.json";

    private readonly string path;
    private readonly FileSystemWatcher watcher;

    public RunningAgents(string folder, Action changed)
    {
        path = Path.Combine(folder, Name);

        // An earlier tool runner's agents ended with it.
        File.Delete(path);
        watcher = new FileSystemWatcher(folder, Name);
        watcher.Created += (_, _) => changed();
        watcher.Changed += (_, _) => changed();
        watcher.Renamed += (_, _) => changed();
        watcher.Deleted += (_, _) => changed();
        watcher.EnableRaisingEvents = true;
    }

    /// <summary>By <c>tenant/workflow</c>.</summary>
    public IReadOnlyDictionary<string, int> Read()
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(path)) ?? [];
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            // Absent, or caught in the middle of a write that will tell again.
            return new Dictionary<string, int>();
        }
    }

    public void Dispose() => watcher.Dispose();
}
