using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Agents;

/// <summary>Counts the processes of agents that run now.</summary>
internal static class AgentMetrics
{
    private static readonly UpDownCounter<int> Running =
        new Meter(MeshSemantics.Meter).CreateUpDownCounter<int>("mesh.agent.running", "{process}", "Processes of agents that this runner has running.");

    /// <summary>One more, until it is disposed.</summary>
    public static IDisposable Count()
    {
        Running.Add(1);

        return new Place();
    }

    private sealed class Place : IDisposable
    {
        public void Dispose() => Running.Add(-1);
    }
}
