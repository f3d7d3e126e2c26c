using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Journal;

/// <summary>
/// Tasks that were born at this replica, as its last commit left them: what an ordinary write must know, without reading it first.
/// </summary>
/// <remarks>
/// It may be behind, because other replicas write too. So what is written on its word is guarded by the versions of the rows, and
/// nobody is refused or told anything on it: whoever was misled finds that nothing was written, and reads.
/// </remarks>
internal sealed class RecentTasks(TimeProvider clock)
{
    // About 20 MB when full. The oldest are forgotten first; for them a write reads.
    private const int TasksMax = 10_000;
    private const int StepsMax = 50_000;

    // Agents extend their claims every 5 seconds, and change the row by that. What is older would be tried in vain.
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private readonly Dictionary<TaskKey, Remembered> tasks = [];
    private readonly Queue<TaskKey> byAge = new();
    private int steps;

    /// <summary>What each write of a batch must know about its task, all as of one moment; null where that is not known.</summary>
    public KnownTask?[] Find(IReadOnlyList<JournalWrite> writes)
    {
        lock (gate)
        {
            return [.. writes.Select(write => Find(write.Task) is { } task
                ? new KnownTask(task.Row, task.Version, StepOf(task, write), task.OpenCalls > 0)
                : null)];
        }
    }

    /// <summary>A step that its task has not, for an agent that holds the task; null when that is not known.</summary>
    public StepReading? FindUnwritten(TaskKey key, StepKey step, byte[] claimHash)
    {
        lock (gate)
        {
            return Find(key) is { } task && task.Row.IsHeldBy(claimHash) && !task.Steps.ContainsKey(step.Value)
                ? new StepReading(task.Row, []) { RememberedAt = task.Version }
                : null;
        }
    }

    /// <summary>The task of an agent that holds it and has asked for all recorded steps; null when that is not known.</summary>
    /// <param name="key">The task.</param>
    /// <param name="claimHash">The agent's claim.</param>
    /// <param name="asked">How many steps it asked for, by branch; empty when it does not say.</param>
    public (TaskRow Row, uint Version)? FindAsked(TaskKey key, byte[] claimHash, IReadOnlyDictionary<string, int> asked)
    {
        lock (gate)
        {
            return Find(key) is { } task
                && task.Row.IsHeldBy(claimHash)
                && (asked.Count == 0 || task.Positions.Keys.All(place => place.Position < asked.GetValueOrDefault(place.Branch)))
                    ? (task.Row, task.Version)
                    : null;
        }
    }

    /// <summary>Remembers what a commit has left.</summary>
    /// <param name="changes">The rows that it wrote.</param>
    /// <param name="entries">The entries that it wrote, in order.</param>
    /// <param name="version">The version that the rows now have.</param>
    public void Keep(JournalChanges changes, IReadOnlyList<JournalRow> entries, uint version)
    {
        lock (gate)
        {
            foreach (var row in changes.Created)
            {
                tasks[row.Key] = new Remembered(row, version, clock.GetTimestamp());
                byAge.Enqueue(row.Key);
            }

            foreach (var (row, seen) in changes.Updated)
            {
                // Another one wrote in between: which steps there are is not known any more.
                if (tasks.TryGetValue(row.Key, out var task) && task.Row.Seq != seen.Seq)
                {
                    Remove(row.Key);
                }
                else if (task is not null)
                {
                    task.Stand(row, version, clock.GetTimestamp());
                }
            }

            foreach (var entry in entries)
            {
                if (entry.Step.Length > 0 && tasks.TryGetValue(entry.Task, out var task))
                {
                    Keep(task, entry);
                }
            }

            foreach (var ended in changes.Created.Concat(changes.Updated.Select(change => change.Row)).Where(row => row.State.IsEnded()))
            {
                Remove(ended.Key);
            }

            while (byAge.Count > TasksMax || steps > StepsMax)
            {
                Remove(byAge.Dequeue());
            }
        }
    }

    /// <summary>Learns how the database has tasks. Those whose journals have other entries than are remembered are forgotten.</summary>
    public void Correct(IEnumerable<(TaskRow Row, uint Version)> found)
    {
        lock (gate)
        {
            foreach (var (row, version) in found)
            {
                if (tasks.TryGetValue(row.Key, out var task) && task.Row.Seq != row.Seq)
                {
                    Remove(row.Key);
                }
                else if (task is not null)
                {
                    task.Stand(row, version, clock.GetTimestamp());
                }
            }
        }
    }

    /// <summary>Of these tasks others will write what this replica does not learn.</summary>
    public void Forget(IEnumerable<TaskKey> keys)
    {
        lock (gate)
        {
            foreach (var key in keys)
            {
                Remove(key);
            }
        }
    }

    private static StepHead StepOf(Remembered task, JournalWrite write)
    {
        if (write.Step is not { } step)
        {
            return default;
        }

        var takenBy = JournalHeads.PositionOf(write) is { } position ? task.Positions.GetValueOrDefault((step.Branch, position)) : null;

        return new StepHead(task.Steps.GetValueOrDefault(step.Value).Facts, takenBy);
    }

    private void Keep(Remembered task, JournalRow entry)
    {
        if (!task.Steps.TryGetValue(entry.Step, out var before))
        {
            steps++;
        }

        task.Steps[entry.Step] = new Step(entry.StepFact + 1, entry.LeavesOpen);
        task.OpenCalls += (entry.LeavesOpen ? 1 : 0) - (before.IsOpen ? 1 : 0);

        if (entry.Position is { } position)
        {
            task.Positions[(entry.Branch!, position)] = entry.Step;
        }
    }

    private void Remove(TaskKey key)
    {
        if (tasks.Remove(key, out var task))
        {
            steps -= task.Steps.Count;
        }
    }

    private Remembered? Find(TaskKey key) =>
        tasks.TryGetValue(key, out var task) && clock.GetElapsedTime(task.At) < FreshFor ? task : null;

    private sealed class Remembered
    {
        public Remembered(TaskRow row, uint version, long at)
        {
            Row = row;
            Stand(row, version, at);
        }

        public TaskRow Row { get; private set; }

        public uint Version { get; private set; }

        /// <summary>When it was written or read last.</summary>
        public long At { get; private set; }

        public int OpenCalls { get; set; }

        public Dictionary<string, Step> Steps { get; } = new(StringComparer.Ordinal);

        public Dictionary<(string Branch, int Position), string> Positions { get; } = [];

        public void Stand(TaskRow row, uint version, long at) => (Row, Version, At) = (row, version, at);
    }

    private readonly record struct Step(int Facts, bool IsOpen);
}

/// <summary>What is remembered of a task for one write to it.</summary>
/// <param name="Row">Its head.</param>
/// <param name="Version">The version of the row that guards all of this.</param>
/// <param name="Step">Where the write's step stands.</param>
/// <param name="HasOpenCall">Whether a call was dispatched and it is not recorded how that ended.</param>
internal sealed record KnownTask(TaskRow Row, uint Version, StepHead Step, bool HasOpenCall);
