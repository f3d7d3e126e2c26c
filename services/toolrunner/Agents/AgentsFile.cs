using System.Text.Json;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Agents;

/// <summary>Tells the launcher which agents run, in a file that is always whole.</summary>
internal sealed class AgentsFile(RunnerOptions options, ILogger<AgentsFile> log)
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, int> pids = new(StringComparer.Ordinal);

    public void Add(RunningAgent agent) => Change(() => pids[agent.Agent.Name] = agent.Pid);

    public void Remove(RunningAgent agent) => Change(() =>
    {
        // Another version of the workflow may have taken the line.
        if (pids.TryGetValue(agent.Agent.Name, out var pid) && pid == agent.Pid)
        {
            pids.Remove(agent.Agent.Name);
        }
    });

    /// <summary>Says that there are none yet: what stands there is from a runner that is gone.</summary>
    public void Clear() => Change(pids.Clear);

    private void Change(Action change)
    {
        lock (gate)
        {
            change();

            if (options.AgentsFile is not { } path)
            {
                return;
            }

            try
            {
                var draft = path + ".new";
                File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(pids, StringJson.Default.SortedDictionaryStringInt32));
                File.Move(draft, path, overwrite: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                log.AgentsFileUnwritable(e, path);
            }
        }
    }
}
