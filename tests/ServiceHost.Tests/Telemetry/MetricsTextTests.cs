using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.ServiceHost.Tests.Telemetry;

public sealed class MetricsTextTests : IDisposable
{
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MetricsText metrics;
    private readonly Meter meter;

    public MetricsTextTests()
    {
        var factory = services.GetRequiredService<IMeterFactory>();
        metrics = new MetricsText(factory);
        meter = factory.Create(MeshSemantics.Meter);
    }

    public void Dispose()
    {
        metrics.Dispose();
        services.Dispose();
    }

    [Fact]
    public void A_histogram_shows_how_many_were_at_most_as_long_as_each_bound_so_that_percentiles_can_be_told()
    {
        var histogram = meter.CreateHistogram("mesh.test.wait", "s", "Waiting.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });

        histogram.Record(0.05, new KeyValuePair<string, object?>("of", "a"));
        histogram.Record(0.1, new KeyValuePair<string, object?>("of", "a"));
        histogram.Record(0.5, new KeyValuePair<string, object?>("of", "a"));
        histogram.Record(7, new KeyValuePair<string, object?>("of", "a"));

        Assert.Equal(
            """
            # HELP mesh_test_wait_seconds Waiting.
            # TYPE mesh_test_wait_seconds histogram
            mesh_test_wait_seconds_bucket{of="a",le="0.1"} 2
            mesh_test_wait_seconds_bucket{of="a",le="1"} 3
            mesh_test_wait_seconds_bucket{of="a",le="+Inf"} 4
            mesh_test_wait_seconds_sum{of="a"} 7.65
            mesh_test_wait_seconds_count{of="a"} 4

            """,
            Shown("mesh_test_wait"));
    }

    [Fact]
    public void What_is_not_observed_any_more_is_not_shown_any_more()
    {
        string[] states = ["ready", "waiting"];
        meter.CreateObservableGauge("mesh.test.tasks", () => states.Select(state => new Measurement<long>(3, new KeyValuePair<string, object?>("state", state))));

        Assert.Contains("mesh_test_tasks{state=\"waiting\"} 3", Shown("mesh_test_tasks"), StringComparison.Ordinal);
        states = ["ready"];

        Assert.Equal("# TYPE mesh_test_tasks gauge\nmesh_test_tasks{state=\"ready\"} 3\n", Shown("mesh_test_tasks"));
    }

    [Fact]
    public void A_metric_is_named_before_it_measured_anything()
    {
        meter.CreateCounter<long>("mesh.test.calls", "{call}", "Calls.");

        Assert.Equal("# HELP mesh_test_calls_total Calls.\n# TYPE mesh_test_calls_total counter\n", Shown("mesh_test_calls"));
    }

    [Fact]
    public void What_stands_in_a_label_cannot_make_another_line()
    {
        meter.CreateCounter<long>("mesh.test.odd").Add(1, new KeyValuePair<string, object?>("name", "a\"\n\\b"));

        Assert.Contains("""mesh_test_odd_total{name="a\"\n\\b"} 1""", Shown("mesh_test_odd"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_measurement_whose_attributes_were_seen_before_allocates_nothing()
    {
        var counter = meter.CreateCounter<long>("mesh.test.hot");
        var histogram = meter.CreateHistogram("mesh.test.hot.duration", "s", advice: Durations.Buckets);
        Measure(100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Measure(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Contains("mesh_test_hot_total{reason=\"OVERLOADED\",limit=\"in-flight\"} 1100", Shown("mesh_test_hot"), StringComparison.Ordinal);

        void Measure(int times)
        {
            for (var time = 0; time < times; time++)
            {
                counter.Add(1, new("reason", "OVERLOADED"), new("limit", "in-flight"));
                histogram.Record(0.002, new KeyValuePair<string, object?>("outcome", "succeeded"));
            }
        }
    }

    private string Shown(string name) => string.Concat(
        metrics.Format().Split('\n').Where(line => line.Contains(name, StringComparison.Ordinal)).Select(line => line + "\n"));
}
