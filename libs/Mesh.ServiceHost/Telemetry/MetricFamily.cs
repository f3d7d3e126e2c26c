using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Mesh.ServiceHost;

/// <summary>One metric with all its series.</summary>
internal sealed class MetricFamily
{
    // Labels are few by rule. A defect that makes many of them must not eat the memory of the service.
    private const int SeriesMax = 500;

    private readonly ConcurrentDictionary<Tags, Series> series = new();
    private readonly string help;
    private readonly string kind;
    private readonly bool isHistogram;
    private readonly bool isObserved;
    private readonly bool replaces;
    private readonly double[] bounds;

    private MetricFamily(string name, string kind, string help, bool isObserved, bool replaces, double[] bounds)
    {
        Name = name;
        this.kind = kind;
        isHistogram = kind == "histogram";
        this.help = help;
        this.isObserved = isObserved;
        this.replaces = replaces;
        this.bounds = bounds;
    }

    public string Name { get; }

    public static MetricFamily Of(Instrument instrument)
    {
        var type = instrument.GetType().Name;
        var kind = type.StartsWith("Counter", StringComparison.Ordinal) || type.StartsWith("ObservableCounter", StringComparison.Ordinal) ? "counter"
            : type.StartsWith("Histogram", StringComparison.Ordinal) ? "histogram"
            : "gauge";

        return new MetricFamily(
            MetricsText.NameOf(instrument.Name, instrument.Unit, kind == "counter"),
            kind,
            (instrument.Description ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal),
            instrument.IsObservable,

            // Observed instruments and gauges state where they are; the others, what was added.
            instrument.IsObservable || instrument is Gauge<int> or Gauge<long> or Gauge<double>,
            instrument switch
            {
                Histogram<double> { Advice.HistogramBucketBoundaries: { } declared } => [.. declared],
                Histogram<int> { Advice.HistogramBucketBoundaries: { } declared } => [.. declared.Select(bound => (double)bound)],
                Histogram<long> { Advice.HistogramBucketBoundaries: { } declared } => [.. declared.Select(bound => (double)bound)],
                _ => [],
            });
    }

    /// <summary>What was observed before is not repeated: it may be true no more.</summary>
    public void BeginObservation()
    {
        if (isObserved)
        {
            series.Clear();
        }
    }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var key = new Tags(tags);

        if (!series.TryGetValue(key, out var one))
        {
            if (series.Count >= SeriesMax)
            {
                return;
            }

            one = series.GetOrAdd(key, static (key, buckets) => new Series(key.ToLabels(), buckets), bounds.Length);
        }

        one.Add(value, replaces, isHistogram ? BucketOf(value) : -1);
    }

    public void Write(StringBuilder text)
    {
        if (help.Length > 0)
        {
            text.Append("# HELP ").Append(Name).Append(' ').Append(help).Append('\n');
        }

        text.Append("# TYPE ").Append(Name).Append(' ').Append(kind).Append('\n');

        foreach (var one in series.Values.OrderBy(one => one.Labels, StringComparer.Ordinal))
        {
            var (count, sum, buckets) = one.Read();

            if (!isHistogram)
            {
                Line(text, "", one.Labels, "", sum);
                continue;
            }

            var upTo = 0L;

            for (var place = 0; place < bounds.Length; place++)
            {
                upTo += buckets[place];
                Line(text, "_bucket", one.Labels, bounds[place].ToString(CultureInfo.InvariantCulture), upTo);
            }

            Line(text, "_bucket", one.Labels, "+Inf", count);
            Line(text, "_sum", one.Labels, "", sum);
            Line(text, "_count", one.Labels, "", count);
        }
    }

    private void Line(StringBuilder text, string suffix, string labels, string bound, double value)
    {
        text.Append(Name).Append(suffix);

        if (labels.Length > 0 || bound.Length > 0)
        {
            text.Append('{').Append(labels);

            if (bound.Length > 0)
            {
                text.Append(labels.Length > 0 ? "," : "").Append("le=\"").Append(bound).Append('"');
            }

            text.Append('}');
        }

        text.Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private int BucketOf(double value)
    {
        var place = Array.BinarySearch(bounds, value);

        return place < 0 ? ~place : place;
    }

    /// <summary>The attributes of a measurement, compared without making a text of them.</summary>
    private readonly record struct Tags
    {
        private readonly KeyValuePair<string, object?> first;
        private readonly KeyValuePair<string, object?> second;
        private readonly KeyValuePair<string, object?> third;

        public Tags(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            // Three are more than any metric of ours has to have.
            first = tags.Length > 0 ? tags[0] : default;
            second = tags.Length > 1 ? tags[1] : default;
            third = tags.Length > 2 ? tags[2] : default;
        }

        public bool Equals(Tags other) => Same(first, other.first) && Same(second, other.second) && Same(third, other.third);

        public override int GetHashCode() => HashCode.Combine(first.Value, second.Value, third.Value);

        public string ToLabels()
        {
            var text = new StringBuilder();

            foreach (var (name, value) in (ReadOnlySpan<KeyValuePair<string, object?>>)[first, second, third])
            {
                if (name is not null)
                {
                    var quoted = (value?.ToString() ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
                    text.Append(text.Length > 0 ? "," : "").Append(name.Replace('.', '_')).Append("=\"").Append(quoted).Append('"');
                }
            }

            return text.ToString();
        }

        private static bool Same(KeyValuePair<string, object?> one, KeyValuePair<string, object?> other) => one.Key == other.Key && Equals(one.Value, other.Value);
    }

    private sealed class Series(string labels, int bounds)
    {
        private readonly Lock adding = new();
        private readonly long[] buckets = new long[bounds + 1];
        private long count;
        private double sum;

        public string Labels => labels;

        public void Add(double value, bool replaces, int bucket)
        {
            lock (adding)
            {
                count++;
                sum = replaces ? value : sum + value;

                if (bucket >= 0)
                {
                    buckets[bucket]++;
                }
            }
        }

        public (long Count, double Sum, long[] Buckets) Read()
        {
            lock (adding)
            {
                return (count, sum, [.. buckets]);
            }
        }
    }
}
