using Mesh.ServiceHost;
using Mesh.Toolrunner.Custody;

namespace Mesh.Toolrunner.Output;

/// <summary>Keeps what became of each dispatch for 5 minutes, so that a dispatch runs once however often it is asked for.</summary>
internal sealed class ResultStore(RunnerOptions options, TimeProvider clock)
{
    // A result is also its key, its spans and its place in the table.
    private const int BytesPerEntry = 1_024;

    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(5);

    private readonly Lock gate = new();
    private readonly Dictionary<DispatchId, Entry> entries = [];
    private readonly Queue<DispatchId> ended = new();
    private long bytes;

    /// <summary>Shows how much of the room for results is taken.</summary>
    public void Show(LimitGauges limits) => limits.Add("results-bytes", () => Interlocked.Read(ref bytes), options.ResultsBytes);

    /// <summary>The result of this dispatch: of the first run, if there was one, else of this one.</summary>
    /// <remarks>The run goes on when a caller stops waiting: what happened outside must be known to whoever asks next.</remarks>
    public Task<CallReport> OnceAsync(DispatchId id, Func<Task<CallReport>> run, CancellationToken stop)
    {
        Entry entry;

        lock (gate)
        {
            Forget();

            if (entries.TryGetValue(id, out var known))
            {
                return known.Result.WaitAsync(stop);
            }

            entry = entries[id] = new Entry();
        }

        _ = RunAsync(id, entry, run);
        return entry.Result.WaitAsync(stop);
    }

    /// <summary>The run of this dispatch, or null when nothing is known about it.</summary>
    public Task<CallReport>? Find(DispatchId id)
    {
        lock (gate)
        {
            Forget();
            return entries.GetValueOrDefault(id)?.Result;
        }
    }

    private async Task RunAsync(DispatchId id, Entry entry, Func<Task<CallReport>> run)
    {
        try
        {
            var report = await run();
            End(id, entry, report.Value.Length);
            entry.Source.SetResult(report);
        }
        catch (Exception defect)
        {
            // The outermost loop of a call. What it did is not known, and a repeat must not do it again.
            End(id, entry, 0);
            entry.Source.SetException(defect);
        }
    }

    private void End(DispatchId id, Entry entry, int valueBytes)
    {
        lock (gate)
        {
            entry.Bytes = valueBytes + BytesPerEntry;
            entry.EndedAt = clock.GetTimestamp();
            bytes += entry.Bytes;
            ended.Enqueue(id);
            Forget();
        }
    }

    // In the order of their ends, so that the oldest goes first. Runs under way are never forgotten.
    private void Forget()
    {
        while (ended.TryPeek(out var oldest)
            && entries[oldest] is var entry
            && (bytes > options.ResultsBytes || clock.GetElapsedTime(entry.EndedAt) >= Kept))
        {
            ended.Dequeue();
            entries.Remove(oldest);
            bytes -= entry.Bytes;
        }
    }

    private sealed class Entry
    {
        public TaskCompletionSource<CallReport> Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<CallReport> Result => Source.Task;

        public int Bytes { get; set; }

        public long EndedAt { get; set; }
    }
}
