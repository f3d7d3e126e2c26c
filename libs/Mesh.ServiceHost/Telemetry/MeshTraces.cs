using System.Diagnostics;

namespace Mesh.ServiceHost;

/// <summary>Spans of Mesh's own. All of them are null, and cost nothing, while nobody listens.</summary>
/// <remarks>Attributes MUST be names, ids, numbers and words of Mesh's own: never an argument, a result, a secret or a text that a stranger or an agent chose.</remarks>
public static class MeshTraces
{
    private static readonly ActivitySource Source = new(MeshSemantics.Meter);

    /// <summary>A span of what is done now, inside of what is done around it.</summary>
    /// <param name="name">One of the eight names of <see cref="MeshSemantics"/>.</param>
    /// <param name="kind">Client where another service is waited for.</param>
    public static Activity? Start(string name, ActivityKind kind = ActivityKind.Internal) => Source.StartActivity(name, kind);

    /// <summary>A span of the trace that a text of W3C's form (<c>traceparent</c>) names, such as the one that a task began with.</summary>
    /// <remarks>
    /// What is done around it stays its parent if it is of the same trace, and is only linked if it is of another: an agent that
    /// carries nothing, or somebody else's trace, moves nothing out of its task's.
    /// </remarks>
    /// <param name="name">One of the eight names of <see cref="MeshSemantics"/>.</param>
    /// <param name="traceparent">The trace; null, or what is no such text, for none of its own.</param>
    /// <param name="kind">Consumer where somebody asked for it without waiting.</param>
    public static Activity? StartIn(string name, string? traceparent, ActivityKind kind = ActivityKind.Internal)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var around = Activity.Current?.Context;

        // A caller that leaves its part of the trace unrecorded does not leave ours so.
        return ActivityContext.TryParse(traceparent, null, isRemote: true, out var trace)
            && (around?.TraceId != trace.TraceId || trace.TraceFlags > around.Value.TraceFlags)
            ? Source.StartActivity(name, kind, trace, links: around is { } other ? [new ActivityLink(other)] : null)
            : Source.StartActivity(name, kind);
    }

    /// <summary>Says whose it is.</summary>
    public static Activity? Of(this Activity? span, string tenant, Guid task) =>
        span?.SetTag(MeshSemantics.Tenant, tenant).SetTag(MeshSemantics.TaskId, task.ToString("D"));

    /// <summary>It came to nothing, for a reason of Mesh's own.</summary>
    public static Activity? Failed(this Activity? span, string reason) =>
        span?.SetTag(MeshSemantics.Error, reason).SetStatus(ActivityStatusCode.Error);
}
