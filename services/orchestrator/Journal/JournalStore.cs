using System.Diagnostics;
using Mesh.Orchestrator.Decisions;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Orchestrator.Journal;

/// <summary>The journal: appends through one group commit, reads by key. Any replica reads and writes any task.</summary>
internal sealed class JournalStore : IAsyncDisposable
{
    // Settlements may follow the end, so it is looked for among the last entries.
    private const int LastEntries = 50;

    private readonly NpgsqlDataSource store;
    private readonly JournalWriter writer;
    private readonly GroupCommit<JournalWrite, JournalAnswer> commits;
    private readonly OutboxSignal outbox;
    private readonly PendingSpans pendingSpans;
    private readonly RecentTasks recent;
    private readonly TimeProvider clock;

    public JournalStore(
        NpgsqlDataSource store,
        JournalWriter writer,
        OutboxSignal outbox,
        PendingSpans pendingSpans,
        RecentTasks recent,
        CallsUnderWay calls,
        TimeProvider clock,
        ILogger<JournalStore> log)
    {
        this.store = store;
        this.writer = writer;
        this.outbox = outbox;
        this.pendingSpans = pendingSpans;
        this.recent = recent;
        this.clock = clock;
        commits = new GroupCommit<JournalWrite, JournalAnswer>(
            store, new GroupCommitOptions { Name = "journal", Siblings = () => calls.Count }, writer.WriteAsync, log, clock);
    }

    /// <summary>Writes all facts of <paramref name="write"/> or none, and answers once they are durable.</summary>
    /// <exception cref="StoreBusyException">Too much is waiting; nothing was written.</exception>
    /// <exception cref="StoreUnavailableException">PostgreSQL cannot be reached; it may have been written.</exception>
    public async Task<JournalAnswer> AppendAsync(JournalWrite write, CancellationToken stop)
    {
        using var trace = Activity.Current is null ? null : MeshTraces.Start(MeshSemantics.StateStore).Of(write.Task.Tenant, write.Task.Id);
        var startedAt = clock.GetUtcNow();
        var started = Stopwatch.GetTimestamp();
        var answer = await commits.AppendAsync(write, stop);
        trace?.SetTag(MeshSemantics.Outcome, answer.GetType().Name);

        Committed(write, answer, startedAt, Stopwatch.GetElapsedTime(started));

        return answer;
    }

    /// <summary>Writes several, each whole or not at all, in a transaction that somebody else ends. Whoever does calls <c>Committed</c> then.</summary>
    public async Task<(IReadOnlyList<JournalAnswer> Answers, Action Committed)> AppendWithinAsync(NpgsqlTransaction effect, IReadOnlyList<JournalWrite> writes, CancellationToken stop)
    {
        var startedAt = clock.GetUtcNow();
        var started = Stopwatch.GetTimestamp();
        var answers = writes.Count == 0 ? [] : await writer.WriteAsync(CommitTransaction.Within(effect), writes, stop);

        return (answers, () =>
        {
            var took = Stopwatch.GetElapsedTime(started);

            foreach (var (write, answer) in writes.Zip(answers))
            {
                Committed(write, answer, startedAt, took);
            }
        }
        );
    }

    public async Task<TaskRow?> ReadTaskAsync(TaskKey task, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            $"select {TaskRows.Columns} from orchestrator.task t where t.tenant_id = $1 and t.id = $2", task.Tenant, task.Id);
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);

        return await rows.ReadAsync(stop) ? TaskRows.Read(rows) : null;
    }

    /// <summary>All rows that a query of <see cref="TaskRows.Columns"/> brings. Prepared: for one that comes again and again.</summary>
    public Task<IReadOnlyList<TaskRow>> ReadTasksAsync(string query, CancellationToken stop, params object[] parameters) =>
        ReadAsync(query, TaskRows.ReadAllAsync, stop, parameters);

    /// <summary>Whatever a statement brings. Prepared: for one that comes again and again.</summary>
    public async Task<T> ReadAsync<T>(string query, Func<NpgsqlCommand, CancellationToken, Task<T>> read, CancellationToken stop, params object[] parameters)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(connection, query, parameters);
        await command.PrepareAsync(stop);

        return await read(command, stop);
    }

    /// <summary>The task's head and all facts of one of its steps, in one round trip.</summary>
    public async Task<StepReading> ReadStepAsync(TaskKey task, StepKey step, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            $"""
            select {TaskRows.Columns}, j.seq, j.body
            from orchestrator.task t left join orchestrator.journal j
              on j.tenant_id = t.tenant_id and j.task_id = t.id and j.step = $3 and j.step <> ''
            where t.tenant_id = $1 and t.id = $2 order by j.seq
            """,
            task.Tenant,
            task.Id,
            step.Value);
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);

        var (row, facts) = await ReadWithEntriesAsync(rows, stop);

        return new StepReading(row, facts);
    }

    /// <summary>
    /// The same for the agent that holds the task. A step that it has not asked for before is not read. What is written on the word of
    /// that is guarded; whoever asks others on the word of it makes sure by <see cref="IsAtAsync"/>.
    /// </summary>
    public async ValueTask<StepReading> ReadStepAsync(TaskKey task, StepKey step, ClaimToken claim, CancellationToken stop) =>
        recent.FindUnwritten(task, step, claim.Hash) ?? await ReadStepAsync(task, step, stop);

    /// <summary>Whether a task's row has this version: then nobody has written to the task since.</summary>
    public async Task<bool> IsAtAsync(TaskKey task, uint version, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            "select count(*) from orchestrator.task where tenant_id = $1 and id = $2 and xmin = $3",
            task.Tenant,
            task.Id,
            new NpgsqlParameter { Value = version, NpgsqlDbType = NpgsqlDbType.Xid });
        await command.PrepareAsync(stop);

        return (long)(await command.ExecuteScalarAsync(stop))! == 1;
    }

    /// <summary>Entries after <paramref name="afterSeq"/>, oldest first.</summary>
    public async Task<IReadOnlyList<JournalEntry>> ReadEntriesAsync(TaskKey task, long afterSeq, int entriesMax, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            """
            select seq, body from orchestrator.journal
            where tenant_id = $1 and task_id = $2 and seq > $3 order by seq limit $4
            """,
            task.Tenant,
            task.Id,
            afterSeq,
            entriesMax);
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var entries = new List<JournalEntry>();

        while (await rows.ReadAsync(stop))
        {
            entries.Add(FactWire.Read(rows.GetInt64(0), rows.GetFieldValue<byte[]>(1)));
        }

        return entries;
    }

    /// <summary>Whether a call of the task has ever waited for this approval, or to be settled by a person.</summary>
    public async Task<bool> HasEverWaitedAsync(TaskKey task, Wait on, CancellationToken stop)
    {
        await using var command = Command(
            "select seq, body from orchestrator.journal where tenant_id = $1 and task_id = $2 and kind in ('CallDecided', 'CallSettled')", task.Tenant, task.Id);
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            var entry = FactWire.Read(rows.GetInt64(0), rows.GetFieldValue<byte[]>(1));

            if (entry.Fact switch
            {
                CallDecided { Decision: Decision.NeedsApproval held } => on == new Wait.Approval(held.ApprovalId),
                CallSettled { End: CallEnd.Unknown } => on == new Wait.Settlement(entry.Step),
                _ => false,
            })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The task's head and the version of its row, and the first recorded step that a handler did not ask for in a branch that it reports on.</summary>
    /// <param name="task">The task.</param>
    /// <param name="claim">Of the agent that runs the handler.</param>
    /// <param name="asked">How many steps it asked for, by branch; empty when it does not say.</param>
    /// <param name="stop">Ends the search.</param>
    public async ValueTask<(TaskRow? Task, uint Version, string? SkippedStep)> ReadWithSkippedStepAsync(
        TaskKey task, ClaimToken claim, IReadOnlyDictionary<string, int> asked, CancellationToken stop)
    {
        if (recent.FindAsked(task, claim.Hash, asked) is { } known)
        {
            return (known.Row, known.Version, null);
        }

        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            $"""
            select {TaskRows.Columns}, t.xmin, (
              select j.step from orchestrator.journal j left join unnest($3, $4) as k(branch, asked) on k.branch = j.branch
              where cardinality($3) > 0 and j.tenant_id = t.tenant_id and j.task_id = t.id
                and j.position is not null and j.position >= coalesce(k.asked, 0)
              order by j.seq limit 1)
            from orchestrator.task t where t.tenant_id = $1 and t.id = $2
            """,
            task.Tenant,
            task.Id,
            asked.Keys.ToArray(),
            asked.Values.ToArray());
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);

        return await rows.ReadAsync(stop)
            ? (TaskRows.Read(rows), rows.GetFieldValue<uint>(TaskRows.Count), rows.IsDBNull(TaskRows.Count + 1) ? null : rows.GetString(TaskRows.Count + 1))
            : (null, 0, null);
    }

    /// <summary>The task's head with its first entry and, once it completed, its last ones.</summary>
    public async Task<(TaskRow? Task, IReadOnlyList<JournalEntry> Entries)> ReadWithPayloadsAsync(TaskKey task, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection,
            $"""
            select {TaskRows.Columns}, e.seq, e.body
            from orchestrator.task t cross join lateral (
              (select j.seq, j.body from orchestrator.journal j
               where j.tenant_id = t.tenant_id and j.task_id = t.id order by j.seq limit 1)
              union all
              (select j.seq, j.body from orchestrator.journal j
               where t.state = {(short)TaskState.Completed}
                 and j.tenant_id = t.tenant_id and j.task_id = t.id and j.seq > greatest(t.seq - {LastEntries}, 1))) e
            where t.tenant_id = $1 and t.id = $2 order by e.seq
            """,
            task.Tenant,
            task.Id);
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);

        return await ReadWithEntriesAsync(rows, stop);
    }

    /// <summary>What was started under a request key before; null when nothing was.</summary>
    public async Task<JournalAnswer.Existed?> FindRequestAsync(RequestKey request, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var command = Command(
            connection, "select task_id, body_digest from orchestrator.request where tenant_id = $1 and key = $2", request.Tenant, request.Key);
        await command.PrepareAsync(stop);
        await using var rows = await command.ExecuteReaderAsync(stop);

        return await rows.ReadAsync(stop)
            ? new JournalAnswer.Existed(rows.GetGuid(0), rows.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(request.BodyDigest))
            : null;
    }

    private static async Task<(TaskRow? Task, IReadOnlyList<JournalEntry> Entries)> ReadWithEntriesAsync(NpgsqlDataReader rows, CancellationToken stop)
    {
        TaskRow? task = null;
        var entries = new List<JournalEntry>();

        while (await rows.ReadAsync(stop))
        {
            task ??= TaskRows.Read(rows);

            if (!rows.IsDBNull(TaskRows.Count))
            {
                entries.Add(FactWire.Read(rows.GetInt64(TaskRows.Count), rows.GetFieldValue<byte[]>(TaskRows.Count + 1)));
            }
        }

        return (task, entries);
    }

    /// <summary>A statement of a quiet path.</summary>
    public NpgsqlCommand Command(string sql, params object[] parameters) => Fill(store.CreateCommand(sql), parameters);

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] parameters) =>
        Fill(new NpgsqlCommand(sql, connection), parameters);

    private static NpgsqlCommand Fill(NpgsqlCommand command, object[] parameters)
    {
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter as NpgsqlParameter ?? new NpgsqlParameter { Value = parameter });
        }

        return command;
    }

    public ValueTask DisposeAsync() => commits.DisposeAsync();

    private void Committed(JournalWrite write, JournalAnswer answer, DateTimeOffset startedAt, TimeSpan took)
    {
        if (answer is not JournalAnswer.Written written)
        {
            return;
        }

        outbox.Raise();
        JournalMetrics.Count(write, written);

        if (written.Task.State.IsEnded())
        {
            pendingSpans.Forget(write.Task);
        }
        else
        {
            pendingSpans.Add(write.Task, new Span(
                MeshSemantics.StateStore,
                $"checkpoint #{written.Task.Seq}",
                string.Join(", ", write.Facts.Select(fact => fact.GetType().Name)),
                startedAt,
                took));
        }
    }
}

/// <summary>One step of a task, as recorded.</summary>
/// <param name="Task">Null when there is no such task.</param>
internal sealed record StepReading(TaskRow? Task, IReadOnlyList<JournalEntry> Facts)
{
    /// <summary>Set when it was remembered and not read: the version of the task's row then.</summary>
    public uint? RememberedAt { get; init; }

    /// <summary>Policy reserved a limit for this call and has to be told how it ended.</summary>
    public bool HasReservation => Facts.Any(entry => entry.Fact is CallDecided { Decision: Decision.Permitted { Reserved: true } });

    /// <summary>When its last fact was written.</summary>
    public DateTimeOffset LastAt => Facts[^1].Time;

    /// <summary>As it stands after a write of this reader's own, which nobody came before.</summary>
    public StepReading After(JournalWrite write, JournalAnswer.Written written) => new(
        written.Task,
        [
            .. Facts,
            .. write.Facts.Select((fact, place) => new JournalEntry(
                written.Task.Seq - write.Facts.Count + 1 + place, write.Step!.Value.Value, written.Task.Epoch, written.At, [], fact)),
        ]);

    public CallState CallState => Facts.Aggregate((CallState)new CallState.New(), (state, entry) => state.After(entry.Fact));
}
