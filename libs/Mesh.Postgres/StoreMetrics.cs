using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Mesh.Postgres;

/// <summary>What the store measures, under the meter <c>Mesh.Postgres</c>.</summary>
internal static class StoreMetrics
{
    private static readonly Meter Meter = new("Mesh.Postgres");

    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram(
        "mesh.store.batch_size", "{entry}", "Entries that one transaction made durable.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256] });

    public static readonly UpDownCounter<int> Queue =
        Meter.CreateUpDownCounter<int>("mesh.store.queue", "{entry}", "Entries that wait for a writer.");

    public static readonly Histogram<double> CommitDuration = Meter.CreateHistogram(
        "mesh.store.commit.duration", "s", "From begin to durable.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });

    private static readonly ConcurrentDictionary<string, int> Limits = new();

    // Observed, because writers are made before anybody listens, and a change that nobody heard is lost.
    static StoreMetrics() => Meter.CreateObservableUpDownCounter(
        "mesh.store.queue.limit",
        () => Limits.Where(limit => limit.Value > 0).Select(limit => new Measurement<int>(limit.Value, Store(limit.Key))),
        "{entry}",
        "Entries that may wait for a writer: one more is refused.");

    public static KeyValuePair<string, object?> Store(string name) => new("store", name);

    /// <summary>A writer came, or went with a negative number.</summary>
    public static void AddLimit(string store, int entries) => Limits.AddOrUpdate(store, entries, (_, known) => known + entries);
}
