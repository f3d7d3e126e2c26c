using System.Collections.Concurrent;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>
/// Spans that were measured after the fact that they belong to: a commit's own duration is known only once it is over, so
/// it travels with the next fact of the same task. For the timeline only, best effort, in memory.
/// </summary>
internal sealed class PendingSpans
{
    private const int TasksMax = 10_000;
    private const int SpansPerTaskMax = 32;

    private readonly ConcurrentDictionary<TaskKey, List<Span>> pending = new();

    public void Add(TaskKey task, Span span)
    {
        if (pending.Count >= TasksMax && !pending.ContainsKey(task))
        {
            return;
        }

        var spans = pending.GetOrAdd(task, _ => []);

        lock (spans)
        {
            if (spans.Count < SpansPerTaskMax)
            {
                spans.Add(span);
            }
        }
    }

    public IReadOnlyList<Span> Take(TaskKey task)
    {
        if (!pending.TryRemove(task, out var spans))
        {
            return [];
        }

        lock (spans)
        {
            return [.. spans];
        }
    }

    /// <summary>What was taken for facts that were not written after all.</summary>
    public void GiveBack(TaskKey task, IReadOnlyList<Span> taken)
    {
        foreach (var span in taken)
        {
            Add(task, span);
        }
    }

    public void Forget(TaskKey task) => pending.TryRemove(task, out _);
}
