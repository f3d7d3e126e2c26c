using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Mesh.ServiceHost;

/// <summary>The counters and gauges of Mesh's own meters, as Prometheus reads them. Durations: their count and sum.</summary>
internal sealed class MetricsText : IDisposable
{
    // Labels are few by rule. A defect that makes many of them must not eat the memory of the service.
    private const int SeriesMax = 2_000;

    private readonly ConcurrentDictionary<Series, Total> totals = new();
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
                if (isMesh && (meter.Scope is null || meter.Scope == own))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.Start();
    }

    public string Format()
    {
        listener.RecordObservableInstruments();
        var text = new StringBuilder();

        foreach (var group in totals.GroupBy(pair => (pair.Key.Name, pair.Value.Kind)).OrderBy(group => group.Key.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {group.Key.Name} {group.Key.Kind}\n");

            foreach (var (series, total) in group.OrderBy(pair => pair.Key.Labels, StringComparer.Ordinal))
            {
                if (total.Kind == "summary")
                {
                    text.Append(CultureInfo.InvariantCulture, $"{series.Name}_count{series.Labels} {total.Count}\n");
                    text.Append(CultureInfo.InvariantCulture, $"{series.Name}_sum{series.Labels} {total.Sum}\n");
                }
                else
                {
                    text.Append(CultureInfo.InvariantCulture, $"{series.Name}{series.Labels} {total.Sum}\n");
                }
            }
        }

        return text.ToString();
    }

    public void Dispose() => listener.Dispose();

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var (kind, suffix) = KindOf(instrument);
        var series = new Series(instrument.Name.Replace('.', '_') + suffix, Labels(tags));

        if (totals.Count >= SeriesMax && !totals.ContainsKey(series))
        {
            return;
        }

        // Observed instruments and gauges state where they are; the others, what was added.
        var replaces = instrument.IsObservable || instrument is Gauge<int> or Gauge<long> or Gauge<double>;
        totals.GetOrAdd(series, static (_, kind) => new Total(kind), kind).Add(value, replaces);
    }

    private static (string Kind, string Suffix) KindOf(Instrument instrument)
    {
        var name = instrument.GetType().Name;
        return name.StartsWith("Counter", StringComparison.Ordinal) || name.StartsWith("ObservableCounter", StringComparison.Ordinal) ? ("counter", "_total")
            : name.StartsWith("Histogram", StringComparison.Ordinal) ? ("summary", instrument.Unit == "s" ? "_seconds" : "")
            : ("gauge", "");
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var text = new StringBuilder("{");

        foreach (var (key, value) in tags)
        {
            var quoted = (value?.ToString() ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append(text.Length > 1 ? "," : "").Append(key.Replace('.', '_')).Append("=\"").Append(quoted).Append('"');
        }

        return text.Append('}').ToString();
    }

    private readonly record struct Series(string Name, string Labels);

    private sealed class Total(string kind)
    {
        private readonly Lock adding = new();

        public string Kind { get; } = kind;

        public long Count { get; private set; }

        public double Sum { get; private set; }

        public void Add(double value, bool replaces)
        {
            lock (adding)
            {
                Count++;
                Sum = replaces ? value : Sum + value;
            }
        }
    }
}
