using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Mesh.ServiceHost;

/// <summary>Shows how much of each limit of this replica is in use, and where it ends.</summary>
public sealed class LimitGauges
{
    private readonly ConcurrentDictionary<string, (Func<double> Use, double Max)> limits = new(StringComparer.Ordinal);

    /// <summary>Creates the gauges <c>mesh.limit.use</c> and <c>mesh.limit.max</c>.</summary>
    public LimitGauges(IMeterFactory meters)
    {
        var meter = meters.Create(MeshSemantics.Meter);
        meter.CreateObservableGauge("mesh.limit.use", () => limits.Select(limit => Of(limit.Key, limit.Value.Use())), description: "How much of a limit of this replica is in use.");
        meter.CreateObservableGauge("mesh.limit.max", () => limits.Select(limit => Of(limit.Key, limit.Value.Max)), description: "Where the limit ends.");
    }

    /// <summary>Shows a limit.</summary>
    /// <param name="limit">The name of its option.</param>
    /// <param name="use">Asked when somebody reads the metrics; cheap, and without waiting.</param>
    /// <param name="max">Its end.</param>
    public void Add(string limit, Func<double> use, double max) => limits[limit] = (use, max);

    private static Measurement<double> Of(string limit, double value) => new(value, new KeyValuePair<string, object?>("limit", limit));
}
