using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Toolrunner.Output;

/// <summary>Measures tool calls, as their targets let them last.</summary>
internal static class CallMetrics
{
    private static readonly Meter Meter = new(MeshSemantics.Meter);

    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "mesh.tool.call.duration", "s", "From the redemption of a tool call's tickets to its scrubbed answer, by tool and outcome.", advice: Durations.Buckets);

    public static void Ended(string tool, CallOutcome outcome, TimeSpan took) => Duration.Record(
        took.TotalSeconds, new KeyValuePair<string, object?>("tool", tool), new KeyValuePair<string, object?>("outcome", WordOf(outcome)));

    private static string WordOf(CallOutcome outcome) => outcome switch
    {
        CallOutcome.Succeeded => "succeeded",
        CallOutcome.Failed => "failed",
        CallOutcome.NotSent => "not_sent",
        CallOutcome.Unknown => "unknown",
        CallOutcome.ProbePerformed => "probe_performed",
        CallOutcome.ProbeNotPerformed => "probe_not_performed",
        _ => throw new InvalidOperationException("A call ends in no other way."),
    };
}
