using System.Diagnostics.Metrics;

namespace Mesh.ServiceHost;

/// <summary>The buckets of histograms, for both ways out.</summary>
public static class Durations
{
    /// <summary>Seconds, from a call inside of one machine to a bus that was away for an hour.</summary>
    public static InstrumentAdvice<double> Buckets { get; } = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
    };
}
