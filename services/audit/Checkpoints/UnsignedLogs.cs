using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Audit.Checkpoints;

/// <summary>Shows for how long the log that waits longest has had leaves that no checkpoint covers, also while none can be signed.</summary>
internal sealed class UnsignedLogs
{
    private readonly ConcurrentDictionary<string, long> since = new();

    public UnsignedLogs(IMeterFactory meters) => meters.Create(MeshSemantics.Meter).CreateObservableGauge(
        "mesh.audit.checkpoint.behind",
        () => since.Values.Select(at => TimeProvider.System.GetElapsedTime(at).TotalSeconds).DefaultIfEmpty().Max(),
        "s",
        "For how long the log that waits longest has had leaves that no checkpoint covers; 0 when all are covered.");

    /// <summary>It has grown at that moment, by the clock's time stamp. One that waited before has waited longer.</summary>
    public void Add(string tenant, long at) => since.TryAdd(tenant, at);

    public ICollection<string> Tenants => since.Keys;

    public void Remove(string tenant) => since.TryRemove(tenant, out _);
}
