using System.Diagnostics;

namespace Mesh.ServiceHost.Tests.Telemetry;

[Collection("Spans")]
public sealed class MeshTracesTests : IDisposable
{
    private readonly ActivityListener listener = new()
    {
        ShouldListenTo = source => source.Name == MeshSemantics.Meter,
        Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
    };

    private readonly Activity task = new("task");

    public MeshTracesTests()
    {
        ActivitySource.AddActivityListener(listener);
        task.SetIdFormat(ActivityIdFormat.W3C).Start().Stop();
        Activity.Current = null;
    }

    public void Dispose()
    {
        listener.Dispose();
        task.Dispose();
    }

    [Fact]
    public void A_request_that_carries_another_trace_is_linked_and_moves_nothing_out_of_its_tasks_trace()
    {
        using var forged = new Activity("forged").SetIdFormat(ActivityIdFormat.W3C).Start();

        using var span = MeshTraces.StartIn(MeshSemantics.Orchestrator, task.Id);

        Assert.Equal(task.TraceId, span!.TraceId);
        Assert.Equal(task.SpanId, span.ParentSpanId);
        Assert.Equal(forged.SpanId, Assert.Single(span.Links).Context.SpanId);
    }

    [Fact]
    public void A_request_that_carries_the_tasks_trace_is_what_is_around()
    {
        using var request = new Activity("request").SetParentId(task.Id!).Start();

        using var span = MeshTraces.StartIn(MeshSemantics.Orchestrator, task.Id);

        Assert.Equal(task.TraceId, span!.TraceId);
        Assert.Equal(request.SpanId, span.ParentSpanId);
        Assert.Empty(span.Links);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00-00000000000000000000000000000000-0000000000000000-01")]
    [InlineData("a trace that somebody made up")]
    public void A_text_that_names_no_trace_leaves_the_request_around(string? text)
    {
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        using var span = MeshTraces.StartIn(MeshSemantics.Orchestrator, text);

        Assert.Equal(request.SpanId, span!.ParentSpanId);
    }

    [Theory]
    [InlineData(true, null)]
    [InlineData(false, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    public void Of_a_request_nothing_is_taken_but_its_trace_and_of_a_strangers_not_even_that(bool isOpen, string? taken)
    {
        var propagator = new TracePropagator(isOpen);
        var request = new Dictionary<string, string>
        {
            ["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ["tracestate"] = "a=b",
            ["baggage"] = "c=d",
        };

        propagator.ExtractTraceIdAndState(request, Read, out var trace, out var state);

        Assert.Equal(taken, trace);
        Assert.Null(state);
        Assert.Null(propagator.ExtractBaggage(request, Read));

        static void Read(object? carrier, string name, out string? value, out IEnumerable<string>? values) =>
            (value, values) = (((Dictionary<string, string>)carrier!).GetValueOrDefault(name), null);
    }
}
