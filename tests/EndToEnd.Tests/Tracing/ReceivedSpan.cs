using System.Globalization;
using Opentelemetry.Proto.Collector.Trace.V1;

namespace EndToEnd.Tests.Tracing;

/// <summary>A span as a service exported it.</summary>
/// <param name="Service">Who.</param>
/// <param name="Name">Its name.</param>
/// <param name="Trace">The trace's id, in hex.</param>
/// <param name="Id">Its id, in hex.</param>
/// <param name="Parent">Its parent's id; empty for a root.</param>
/// <param name="Tags">Its attributes.</param>
public sealed record ReceivedSpan(string Service, string Name, string Trace, string Id, string Parent, IReadOnlyDictionary<string, string> Tags)
{
    public static ReceivedSpan Of(string service, Span span) => new(
        service,
        span.Name,
        Convert.ToHexStringLower(span.TraceId.Span),
        Convert.ToHexStringLower(span.SpanId.Span),
        Convert.ToHexStringLower(span.ParentSpanId.Span),
        span.Attributes.GroupBy(each => each.Key).ToDictionary(each => each.Key, each => Text(each.First().Value)));

    public override string ToString() => $"{Service}:{Name}";

    private static string Text(AnyValue value) => value.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };
}
