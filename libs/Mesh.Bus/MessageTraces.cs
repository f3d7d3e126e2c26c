using System.Diagnostics;
using Mesh.Postgres;

namespace Mesh.Bus;

/// <summary>A span for each of the messages that are handled together, each in the trace that its message carries.</summary>
/// <remarks>
/// One statement handles messages of many traces, so none of them is what runs now, unless there is only one. Without a listener
/// there are no spans, and the messages stay as they are.
/// </remarks>
internal sealed class MessageTraces : IDisposable
{
    private static readonly ActivitySource Source = new("Mesh.Bus");

    private readonly Activity?[] spans;
    private readonly Activity? before;

    private MessageTraces(string name, ActivityKind kind, string? consumer, IReadOnlyList<Envelope> messages)
    {
        before = Activity.Current;
        spans = [.. messages.Select(message =>
        {
            // A message without a trace is nobody's child, the message's before it least of all.
            Activity.Current = before;

            return Begin(name, kind, consumer, message, messages.Count);
        })];
        Messages = [.. messages.Zip(spans, (message, span) => span is null ? message : message with { TraceParent = span.Id })];

        if (messages.Count > 1)
        {
            Activity.Current = before;
        }
    }

    /// <summary>The messages, each with its span as what comes next has to follow.</summary>
    public IReadOnlyList<Envelope> Messages { get; }

    /// <summary>Begins to hand messages to the bus; null while nobody listens.</summary>
    public static MessageTraces? Send(IReadOnlyList<Envelope> messages) =>
        Source.HasListeners() ? new("bus.send", ActivityKind.Producer, null, messages) : null;

    /// <summary>Begins to handle messages; null while nobody listens.</summary>
    public static MessageTraces? Consume(string consumer, IReadOnlyList<Envelope> messages) =>
        Source.HasListeners() ? new("bus.consume", ActivityKind.Consumer, consumer, messages) : null;

    public void Dispose()
    {
        foreach (var span in spans)
        {
            span?.Dispose();
        }

        Activity.Current = before;
    }

    private static Activity? Begin(string name, ActivityKind kind, string? consumer, Envelope message, int count)
    {
        // What somebody else wrote on a broker need not be a trace.
        var isTraced = ActivityContext.TryParse(message.TraceParent, null, isRemote: true, out var parent);
        var span = Source.StartActivity(name, kind, isTraced ? parent : default)
            ?.SetTag("messaging.destination.name", message.Type)
            .SetTag("messaging.message.id", message.Id.ToString("D"))
            .SetTag("messaging.batch.message_count", count);

        return consumer is null ? span : span?.SetTag("messaging.consumer.group.name", consumer);
    }
}
