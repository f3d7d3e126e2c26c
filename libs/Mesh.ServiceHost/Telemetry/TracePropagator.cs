using System.Diagnostics;

namespace Mesh.ServiceHost;

/// <summary>Takes from a request the trace that it belongs to, and nothing else that could travel on with it.</summary>
/// <remarks>
/// Baggage and trace state are texts of whoever calls, which every service would hand on to the next. An agent is such a caller.
/// </remarks>
/// <param name="isOpen">Whether strangers call: then not even the trace is theirs to name, or to leave unrecorded.</param>
public sealed class TracePropagator(bool isOpen) : DistributedContextPropagator
{
    private const string TraceParent = "traceparent";

    /// <inheritdoc />
    public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

    /// <inheritdoc />
    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        if (activity?.Id is { } id)
        {
            setter?.Invoke(carrier, TraceParent, id);
        }
    }

    /// <inheritdoc />
    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
    {
        (traceId, traceState) = (null, null);

        if (!isOpen)
        {
            getter?.Invoke(carrier, TraceParent, out traceId, out _);
        }
    }

    /// <inheritdoc />
    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
