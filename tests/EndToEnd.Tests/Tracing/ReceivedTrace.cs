namespace EndToEnd.Tests.Tracing;

/// <summary>All that was received of one trace.</summary>
public sealed class ReceivedTrace(IEnumerable<ReceivedSpan> spans)
{
    private static readonly string[] Ours =
        ["ingress", "policy.eval", "orchestrator", "state.store", "agent.dispatch", "secrets.lease", "tool.call", "audit.log", "bus.send", "bus.consume"];

    private readonly Dictionary<string, ReceivedSpan> spans = spans.ToDictionary(span => span.Id);

    public IReadOnlyCollection<ReceivedSpan> Spans => spans.Values;

    /// <summary>Those that nothing is around.</summary>
    public IReadOnlyList<ReceivedSpan> Roots => [.. spans.Values.Where(span => span.Parent.Length == 0)];

    /// <summary>Those whose parent nobody exported.</summary>
    public IReadOnlyList<ReceivedSpan> Lost => [.. spans.Values.Where(span => span.Parent.Length > 0 && !spans.ContainsKey(span.Parent))];

    /// <summary>Who is around whom, of the spans that Mesh names itself: <c>orchestrator:policy.eval in orchestrator:orchestrator</c>.</summary>
    public IReadOnlyList<string> Nesting => [.. spans.Values.Where(IsOurs).Select(span => $"{span} in {Around(span)?.ToString() ?? "nothing"}").Distinct().Order(StringComparer.Ordinal)];

    /// <summary>From a span up to its root, the transport's spans too.</summary>
    public IEnumerable<ReceivedSpan> Up(ReceivedSpan? from)
    {
        for (var at = from; at is not null; at = spans.GetValueOrDefault(at.Parent))
        {
            yield return at;
        }
    }

    /// <summary>Every message that was sent from here was also logged: nothing of this trace is still under way.</summary>
    public bool IsWhole => Lost.Count == 0
        && Spans.Any(span => span is { Service: "audit", Name: "audit.log" })
        && Spans.Where(span => span.Name == "bus.send" && span.Tags["messaging.destination.name"].EndsWith("FactBatch", StringComparison.Ordinal))
            .All(sent => Spans.Any(span => span is { Service: "audit", Name: "audit.log" } && Up(span).Contains(sent)));

    private static bool IsOurs(ReceivedSpan span) => Ours.Contains(span.Name);

    private ReceivedSpan? Around(ReceivedSpan span) => Up(span).Skip(1).FirstOrDefault(IsOurs);
}
