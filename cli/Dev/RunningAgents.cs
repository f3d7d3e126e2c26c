using System.Text.Json;

namespace Mesh.Cli.Dev;

/// <summary>The agent processes, from the files that the tool runners keep; tells at once when one changed.</summary>
internal sealed class RunningAgents : IDisposable
{
    private const string Names = "agents*.json";

    private readonly string folder;
    private readonly FileSystemWatcher watcher;

    public RunningAgents(string folder, Action changed)
    {
        this.folder = folder;

        // An earlier tool runner's agents ended with it.
        foreach (var old in Directory.EnumerateFiles(folder, Names))
        {
            File.Delete(old);
        }

        watcher = new FileSystemWatcher(folder, Names);
        watcher.Created += (_, _) => changed();
        watcher.Changed += (_, _) => changed();
        watcher.Renamed += (_, _) => changed();
        watcher.Deleted += (_, _) => changed();
        watcher.EnableRaisingEvents = true;
    }

    /// <summary>The name of a tool runner's file.</summary>
    public static string FileOf(Replica runner) => runner.Number == 1 ? "agents.json" : $"agents.{runner.Number}.json";

    /// <summary>By <c>tenant/workflow</c>.</summary>
    public IReadOnlyDictionary<string, int> Read()
    {
        var agents = new Dictionary<string, int>();

        foreach (var (agent, pid) in Directory.EnumerateFiles(folder, Names).Order(StringComparer.Ordinal).SelectMany(Read))
        {
            agents[agent] = pid;
        }

        return agents;
    }

    private static Dictionary<string, int> Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(path)) ?? [];
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            // Absent, or caught in the middle of a write that will tell again.
            return [];
        }
    }

    public void Dispose() => watcher.Dispose();
}
