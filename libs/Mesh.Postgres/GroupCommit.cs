using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Writes one batch of entries, and answers one result per entry in the same order.</summary>
/// <remarks>
/// Its last statements go with the commit, once. It MUST NOT swallow an error of the database, unless it starts over. It may
/// be called again with the same entries, or with some of them, after a rollback.
/// </remarks>
public delegate Task<IReadOnlyList<TResult>> CommitBatch<TEntry, TResult>(
    CommitTransaction transaction, IReadOnlyList<TEntry> entries, CancellationToken stop);

/// <summary>Joins whatever waits to be written into one transaction, so that one fsync serves them all.</summary>
/// <remarks>
/// A lone entry that finds a free writer is written at once; it waits a moment for company only where much of it is known
/// (<see cref="GroupCommitOptions.SiblingsMin"/>). An error reaches only its own caller, because a batch that fails is halved until
/// what fails is alone.
/// </remarks>
public sealed class GroupCommit<TEntry, TResult> : IAsyncDisposable
{
    private const int LostConnectionsMax = 3;
    private const int LostRacesMax = 5;

    // Longer than an ordinary commit of another replica holds a row.
    private static readonly TimeSpan LockPatienceMin = TimeSpan.FromMilliseconds(20);

    private readonly GroupCommitOptions options;
    private readonly Lock gate = new();
    private readonly Queue<GroupCommitEntry<TEntry, TResult>> queue = new();
    private readonly GroupCommitWriter<TEntry, TResult>[] writers;
    private readonly Stack<GroupCommitWriter<TEntry, TResult>> free = new();
    private readonly HashSet<Task> draining = [];
    private readonly ILogger log;
    private readonly TimeProvider clock;
    private int underWay;
    private bool isGathering;
    private bool closed;

    /// <summary>A writer into a store. It opens no connection before the first entry.</summary>
    /// <param name="store">Gives it its connections.</param>
    /// <param name="options">Its bounds.</param>
    /// <param name="commit">Writes a batch.</param>
    /// <param name="log">Is told of batches that failed.</param>
    /// <param name="clock">Measures how long a connection was silent; the system's when it is null.</param>
    public GroupCommit(
        NpgsqlDataSource store, GroupCommitOptions options, CommitBatch<TEntry, TResult> commit, ILogger log, TimeProvider? clock = null)
    {
        this.options = options;
        this.log = log;
        this.clock = clock ?? TimeProvider.System;
        writers = [.. Enumerable.Range(0, options.Writers).Select(_ => new GroupCommitWriter<TEntry, TResult>(store, options, commit, this.clock))];
        foreach (var writer in writers.Reverse())
        {
            free.Push(writer);
        }

        StoreMetrics.AddLimit(options.Name, options.QueueMax);
    }

    /// <summary>Writes an entry and answers when it is durable.</summary>
    /// <param name="entry">What the batch function is given.</param>
    /// <param name="stop">Withdraws an entry that still waits. Of one that is being written the outcome is then unknown.</param>
    /// <exception cref="StoreBusyException">Too much waits; nothing was written.</exception>
    /// <exception cref="StoreUnavailableException">The database did not answer.</exception>
    public Task<TResult> AppendAsync(TEntry entry, CancellationToken stop = default)
    {
        if (stop.IsCancellationRequested)
        {
            return Task.FromCanceled<TResult>(stop);
        }

        var waiting = new GroupCommitEntry<TEntry, TResult>(entry);
        GroupCommitWriter<TEntry, TResult>? writer = null;
        bool gathers;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            if (queue.Count >= options.QueueMax)
            {
                return Task.FromException<TResult>(new StoreBusyException(options.Name, RetryAfter()));
            }

            queue.Enqueue(waiting);
            underWay++;
            gathers = !isGathering && free.TryPop(out writer) && BeginGathering();
        }

        StoreMetrics.Queue.Add(1, StoreMetrics.Store(options.Name));
        if (writer is not null)
        {
            Start(writer, gathers);
        }

        return stop.CanBeCanceled ? waiting.AnswerAsync(stop) : waiting.Answer;
    }

    /// <summary>Takes no more entries, and returns when those that wait are written.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] last;
        lock (gate)
        {
            if (!closed)
            {
                StoreMetrics.AddLimit(options.Name, -options.QueueMax);
            }

            closed = true;
            last = [.. draining];
        }

        await Task.WhenAll(last);
        foreach (var writer in writers)
        {
            await writer.DisposeAsync();
        }
    }

    private void Start(GroupCommitWriter<TEntry, TResult> writer, bool gathers)
    {
        // The writer outlives the caller that happens to start it, and must not carry on that caller's trace.
        var flow = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        try
        {
            // The caller's own thread sends the first batch: a lone entry pays for no thread hop.
            var drain = DrainAsync(writer, gathers);
            if (!drain.IsCompleted)
            {
                lock (gate)
                {
                    draining.Add(drain);
                }

                _ = drain.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
        finally
        {
            flow.Dispose();
        }
    }

    private void Forget(Task drain)
    {
        lock (gate)
        {
            draining.Remove(drain);
        }
    }

    private async Task DrainAsync(GroupCommitWriter<TEntry, TResult> writer, bool gathers)
    {
        List<GroupCommitEntry<TEntry, TResult>> written = [];

        while (true)
        {
            if (gathers)
            {
                Tell(written);
                written = [];
                await Task.Delay(options.Gathering, clock);
            }

            // The writer is free before its callers hear: what they append next needs no second connection.
            var batch = TakeBatch(writer, gathers);
            Tell(written);

            if (batch.Count == 0)
            {
                return;
            }

            StoreMetrics.BatchSize.Record(batch.Count, StoreMetrics.Store(options.Name));
            await WriteAsync(writer, batch, options.LockPatience, mayHaveCommitted: false);
            written = batch;

            lock (gate)
            {
                underWay -= written.Count;
                gathers = queue.Count > 0 && BeginGathering();
            }
        }
    }

    // Under the gate. One writer gathers at a time, and meanwhile no other one takes from the queue. What is in the queue already
    // need not be waited for.
    private bool BeginGathering()
    {
        var siblings = underWay - queue.Count + (options.Siblings?.Invoke() ?? 0);

        if (isGathering || siblings < options.SiblingsMin || queue.Count >= options.BatchMax)
        {
            return false;
        }

        isGathering = true;

        return true;
    }

    private static void Tell(List<GroupCommitEntry<TEntry, TResult>> written)
    {
        foreach (var entry in written)
        {
            entry.Tell();
        }
    }

    private List<GroupCommitEntry<TEntry, TResult>> TakeBatch(GroupCommitWriter<TEntry, TResult> writer, bool hasGathered)
    {
        var batch = new List<GroupCommitEntry<TEntry, TResult>>();
        GroupCommitWriter<TEntry, TResult>? next = null;
        var taken = 0;
        lock (gate)
        {
            isGathering &= !hasGathered;
            while (!isGathering && batch.Count < options.BatchMax && queue.TryDequeue(out var entry))
            {
                taken++;
                if (!entry.Answer.IsCompleted)
                {
                    batch.Add(entry);
                }
            }

            underWay -= taken - batch.Count;
            if (batch.Count == 0)
            {
                free.Push(writer);
            }

            // Meanwhile nobody else took from the queue: what is more than one batch is another writer's.
            if (hasGathered && queue.Count > 0)
            {
                free.TryPop(out next);
            }
        }

        StoreMetrics.Queue.Add(-taken, StoreMetrics.Store(options.Name));

        if (next is not null)
        {
            Start(next, gathers: false);
        }

        return batch;
    }

    /// <summary>Writes a batch, and never throws: whatever happens is settled with its entries.</summary>
    /// <param name="writer">Writes it.</param>
    /// <param name="batch">What is written together.</param>
    /// <param name="lockPatience">How long a statement waits for a row that somebody else holds.</param>
    /// <param name="mayHaveCommitted">Of an earlier attempt nobody knows; then no failure of a later one says that nothing was written.</param>
    private async Task WriteAsync(
        GroupCommitWriter<TEntry, TResult> writer, List<GroupCommitEntry<TEntry, TResult>> batch, TimeSpan lockPatience, bool mayHaveCommitted)
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await writer.TryCommitAsync(batch, lockPatience);

            // What finds itself may be written again whatever became of it. Who is told of a failure must still hear that nobody knows.
            if (options.IsRepeatable && outcome is CommitOutcome<TResult>.Unknown repeatable)
            {
                mayHaveCommitted = true;
                outcome = StoreErrors.IsConnectionLost(repeatable.Error)
                    ? new CommitOutcome<TResult>.NotReached(repeatable.Error)
                    : new CommitOutcome<TResult>.Refused(repeatable.Error);
            }

            switch (outcome)
            {
                case CommitOutcome<TResult>.Committed committed:
                    for (var place = 0; place < batch.Count; place++)
                    {
                        batch[place].Settle(committed.Results[place]);
                    }

                    return;

                case CommitOutcome<TResult>.Unknown unknown:
                    Fail(batch, mayHaveCommitted: true, unknown.Error);
                    return;

                // Rolled back for certain, or repeatable: writing it again on a new connection is safe.
                case CommitOutcome<TResult>.NotReached when attempt < LostConnectionsMax:
                    break;

                case CommitOutcome<TResult>.NotReached lost:
                    Fail(batch, mayHaveCommitted, lost.Error);
                    return;

                // No entry is to blame.
                case CommitOutcome<TResult>.Refused refused when StoreErrors.IsExhausted(refused.Error):
                    Fail(batch, mayHaveCommitted, refused.Error);
                    return;

                // Halved until what fails is alone: sixteen commits find one bad entry among 256.
                // Two halves that wait half as long: the whole search costs no more than a few times the first wait.
                case CommitOutcome<TResult>.Refused refused when batch.Count > 1:
                    var patience = StoreErrors.IsBlocked(refused.Error) ? Half(lockPatience) : lockPatience;
                    var half = batch[..(batch.Count / 2)];
                    await WriteAsync(writer, half, patience, mayHaveCommitted);
                    Tell(half);
                    await WriteAsync(writer, batch[half.Count..], patience, mayHaveCommitted);
                    return;

                case CommitOutcome<TResult>.Refused refused when StoreErrors.IsLostRace(refused.Error) && attempt < LostRacesMax:
                    break;

                case CommitOutcome<TResult>.Refused refused when mayHaveCommitted:
                    Fail(batch, mayHaveCommitted: true, refused.Error);
                    return;

                case CommitOutcome<TResult>.Refused refused when StoreErrors.IsBlocked(refused.Error):
                    log.EntryBlocked(options.Name);
                    batch[0].Fail(new StoreUnavailableException(options.Name, mayHaveCommitted: false, refused.Error));
                    return;

                case CommitOutcome<TResult>.Refused refused:
                    batch[0].Fail(refused.Error);
                    return;
            }
        }
    }

    private static TimeSpan Half(TimeSpan patience) => patience / 2 > LockPatienceMin ? patience / 2 : LockPatienceMin;

    private void Fail(List<GroupCommitEntry<TEntry, TResult>> batch, bool mayHaveCommitted, Exception error)
    {
        if (mayHaveCommitted)
        {
            log.CommitUnknown(options.Name, batch.Count, error);
        }
        else
        {
            log.StoreUnreachable(options.Name, batch.Count, error);
        }

        var unavailable = new StoreUnavailableException(options.Name, mayHaveCommitted, error);
        foreach (var entry in batch)
        {
            entry.Fail(unavailable);
        }
    }

    private TimeSpan RetryAfter()
    {
        var batches = 1 + (options.QueueMax / options.BatchMax / options.Writers);
        var wait = writers.Max(writer => writer.LastCommit) * batches;

        return TimeSpan.FromMilliseconds(Math.Clamp(wait.TotalMilliseconds, 50, 2_000));
    }
}
