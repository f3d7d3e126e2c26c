using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Policy.Limits;

/// <summary>Shows how full the limits of policies are, each time that one is asked.</summary>
internal static class LimitMetrics
{
    private static readonly Meter Meter = new(MeshSemantics.Meter);

    private static readonly Histogram<double> Utilization = Meter.CreateHistogram(
        "mesh.policy.limit.utilization", "1", "Share of a limit that would be used with what a decision wants of it; above 1 it is exceeded.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 0.25, 0.5, 0.75, 0.9, 1] });

    public static void Measured(ImmutableArray<LimitRoom> rooms)
    {
        foreach (var room in rooms)
        {
            // What is held is counted already.
            var used = room.IsHeld ? room.Used : room.Used + (double)room.Use.Amount;
            Utilization.Record(room.Use.Limit.Max > 0 ? used / room.Use.Limit.Max : 1, new KeyValuePair<string, object?>("limit", room.Use.Limit.Id));
        }
    }
}
