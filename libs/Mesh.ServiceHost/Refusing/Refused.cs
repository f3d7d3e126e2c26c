using System.Diagnostics.Metrics;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>Counts refusals by reason, and by the limit that was reached, in the metric <c>mesh.refusals</c>.</summary>
public sealed class Refused
{
    private readonly Counter<long> counter;

    /// <summary>Creates the counter.</summary>
    public Refused(IMeterFactory meters) => counter = meters.Create(MeshSemantics.Meter).CreateCounter<long>(MeshSemantics.Refusals, "{refusal}", "Requests that were refused, by reason, and by the limit where one was reached.");

    /// <summary>One more refusal. The host counts what leaves by gRPC; a service counts what it answers otherwise.</summary>
    public void Count(Reason reason) => counter.Add(1, new KeyValuePair<string, object?>("reason", ErrorStatus.NameOf(reason)));

    /// <summary>The same, with the limit where the error names one.</summary>
    public void Count(MeshError error)
    {
        // Of the other reasons it is a number, and there may be many.
        if (error.Reason == Reason.Overloaded && error.Metadata.TryGetValue("limit", out var limit))
        {
            counter.Add(1, new("reason", ErrorStatus.NameOf(error.Reason)), new("limit", limit));
        }
        else
        {
            Count(error.Reason);
        }
    }
}
