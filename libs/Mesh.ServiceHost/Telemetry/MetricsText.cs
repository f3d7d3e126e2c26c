using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Mesh.ServiceHost;

/// <summary>What Mesh's own meters and the runtime's measure, as Prometheus reads it (text format 0.0.4): counters, gauges, and histograms with their buckets.</summary>
/// <remarks>
/// Names are those that OpenTelemetry's own translation gives, so that a dashboard fits both ways out. A measurement whose attributes were
/// seen before allocates nothing. Every instrument is named, also before it measured anything.
/// </remarks>
internal sealed class MetricsText : IDisposable
{
    private readonly ConcurrentDictionary<string, MetricFamily> families = new(StringComparer.Ordinal);
    private readonly Lock formatting = new();
    private readonly MeterListener listener;

    public MetricsText(IMeterFactory own)
    {
        listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                var meter = instrument.Meter;
                var isMesh = meter.Name == MeshSemantics.Meter || meter.Name.StartsWith(MeshSemantics.Meter + ".", StringComparison.Ordinal);

                // A listener hears the whole process. What another host in it made with its own factory is not ours.
                if ((isMesh || meter.Name == MeshSemantics.RuntimeMeter) && (meter.Scope is null || meter.Scope == own))
                {
                    var family = MetricFamily.Of(instrument);
                    self.EnableMeasurementEvents(instrument, families.GetOrAdd(family.Name, family));
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.SetMeasurementEventCallback<long>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.SetMeasurementEventCallback<double>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.Start();
    }

    public string Format()
    {
        var text = new StringBuilder();

        // One reader at a time: what is observed is observed anew for each.
        lock (formatting)
        {
            foreach (var family in families.Values)
            {
                family.BeginObservation();
            }

            listener.RecordObservableInstruments();

            foreach (var family in families.Values.OrderBy(family => family.Name, StringComparer.Ordinal))
            {
                family.Write(text);
            }
        }

        return text.ToString();
    }

    public void Dispose() => listener.Dispose();

    /// <summary>The name that OpenTelemetry's translation to Prometheus gives an instrument.</summary>
    internal static string NameOf(string name, string? unit, bool isCounter)
    {
        var suffix = unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };

        return string.Create(CultureInfo.InvariantCulture, $"{name.Replace('.', '_')}{suffix}{(isCounter ? "_total" : "")}");
    }
}
