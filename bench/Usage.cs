namespace Mesh.Bench;

/// <summary>What a mesh takes of something, by process, and what its agents take beside it.</summary>
internal sealed record Usage(IReadOnlyDictionary<string, double> ByProcess, double Agents)
{
    public double Sum => ByProcess.Values.Sum();

    /// <summary>What was taken since, divided by something.</summary>
    public Usage Since(Usage before, double by) => new(
        ByProcess.ToDictionary(process => process.Key, process => (process.Value - before.ByProcess[process.Key]) / by), (Agents - before.Agents) / by);
}
