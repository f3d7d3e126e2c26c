using System.Diagnostics.Metrics;

namespace Mesh.Postgres;

/// <summary>What the store measures, under the meter <c>Mesh.Postgres</c>.</summary>
internal static class StoreMetrics
{
    private static readonly Meter Meter = new("Mesh.Postgres");

    public static readonly Histogram<int> BatchSize =
        Meter.CreateHistogram<int>("mesh.store.batch_size", "{entry}", "Entries that one transaction made durable.");

    public static readonly UpDownCounter<int> Queue =
        Meter.CreateUpDownCounter<int>("mesh.store.queue", "{entry}", "Entries that wait for a writer.");

    public static readonly Histogram<double> CommitDuration =
        Meter.CreateHistogram<double>("mesh.store.commit.duration", "s", "From begin to durable.");

    public static KeyValuePair<string, object?> Store(string name) => new("store", name);
}
