using System.Diagnostics.Metrics;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>Counts refusals by reason, in the metric <c>mesh.refusals</c>.</summary>
public sealed class Refused
{
    private readonly Counter<long> counter;

    /// <summary>Creates the counter.</summary>
    public Refused(IMeterFactory meters) => counter = meters.Create(MeshSemantics.Meter).CreateCounter<long>(MeshSemantics.Refusals);

    /// <summary>One more refusal. The host counts what leaves by gRPC; a service counts what it answers otherwise.</summary>
    public void Count(Reason reason) => counter.Add(1, new KeyValuePair<string, object?>("reason", ErrorStatus.NameOf(reason)));
}
