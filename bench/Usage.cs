namespace Mesh.Bench;

/// <summary>What a mesh takes of something, by process, and what its agents take beside it.</summary>
internal sealed record Usage(IReadOnlyDictionary<string, double> ByProcess, double Agents)
{
    public double Sum => ByProcess.Values.Sum();

    /// <summary>What was taken since.</summary>
    public Usage Since(Usage before) => new(ByProcess.ToDictionary(process => process.Key, process => process.Value - before.ByProcess[process.Key]), Agents - before.Agents);

    public Usage Plus(Usage more) => new(ByProcess.ToDictionary(process => process.Key, process => process.Value + more.ByProcess[process.Key]), Agents + more.Agents);

    /// <summary>The share of one of so many.</summary>
    public Usage Per(double count) => new(ByProcess.ToDictionary(process => process.Key, process => process.Value / count), Agents / count);
}
