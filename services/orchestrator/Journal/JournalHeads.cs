using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Journal;

/// <summary>
/// Everything that a batch of writes has to know before it may write: read under the locks that keep it true, or remembered
/// and then guarded by the versions of the rows.
/// </summary>
internal sealed class JournalHeads
{
    /// <summary>Of entries <c>j</c>: those after which a call may be out, and nothing says how that ended.</summary>
    public const string OpenCall =
        $"""
        j.kind in ('{JournalRow.Dispatched}', '{JournalRow.Interrupted}') and not exists (
          select 1 from orchestrator.journal later
          where later.tenant_id = j.tenant_id and later.task_id = j.task_id and later.step = j.step and later.step <> ''
            and later.step_fact > j.step_fact)
        """;

    private readonly Dictionary<TaskKey, TaskRow> tasks = [];
    private readonly Dictionary<TaskKey, SeenTask> seen = [];
    private readonly Dictionary<(string Tenant, string Key), (Guid TaskId, byte[] BodyDigest)> requests = [];
    private readonly Dictionary<(TaskKey Task, string Name), string> arrivals = [];
    private readonly Dictionary<TaskKey, TaskRow> changed = [];
    private readonly HashSet<TaskKey> created = [];
    private readonly HashSet<TaskKey> open = [];
    private readonly List<(TaskKey Task, string Name)> taken = [];
    private readonly Dictionary<(TaskKey Task, string Name), string> kept = [];
    private readonly StepHead[] steps;

    private JournalHeads(int writes) => steps = new StepHead[writes];

    /// <summary>The tasks as they stand, with the versions in which they were found.</summary>
    public IEnumerable<(TaskRow Row, uint Version)> Found => tasks.Values.Select(row => (row, seen[row.Key].Version));

    /// <summary>What the batch leaves behind: rows to write back, in the order in which they are locked.</summary>
    public JournalChanges Changed => new(
        [.. changed.Values.Where(row => created.Contains(row.Key))],
        [.. changed.Values.Where(row => !created.Contains(row.Key))
            .OrderBy(row => row.Key.Tenant, StringComparer.Ordinal).ThenBy(row => row.Key.Id)
            .Select(row => new ChangedTask(row, seen[row.Key]))],
        taken,
        [.. kept.Select(arrival => (arrival.Key.Task, arrival.Key.Name, arrival.Value))]);

    /// <summary>Locks the tasks in one order for all, so that two batches cannot wait for each other.</summary>
    public static async Task<JournalHeads> LockAsync(
        CommitTransaction transaction, IReadOnlyList<JournalWrite> writes, CancellationToken stop)
    {
        var heads = new JournalHeads(writes.Count);
        var batch = new List<NpgsqlBatchCommand>();
        var reads = new List<Func<NpgsqlDataReader, CancellationToken, Task>>();

        heads.LockTasks(batch, reads, writes);
        heads.LockRequests(batch, reads, writes);
        heads.ReadSteps(batch, reads, writes);
        heads.ReadArrivals(batch, reads, writes);
        heads.ReadOpenCalls(batch, reads, writes);

        if (reads.Count > 0)
        {
            await transaction.ReadAsync(batch, ReadAsync, stop);
        }

        return heads;

        async Task ReadAsync(NpgsqlDataReader results, CancellationToken stop)
        {
            foreach (var read in reads)
            {
                await read(results, stop);
                await results.NextResultAsync(stop);
            }
        }
    }

    /// <summary>The same from what is remembered, without a lock; null where that is not enough.</summary>
    public static JournalHeads? Recall(RecentTasks recent, IReadOnlyList<JournalWrite> writes)
    {
        var heads = new JournalHeads(writes.Count);
        var found = recent.Find(writes);

        for (var place = 0; place < writes.Count; place++)
        {
            var write = writes[place];

            // What came before it was waited for is remembered nowhere.
            if (write.Arrives is not null || write.Facts.Any(fact => fact is TaskParked))
            {
                return null;
            }

            if (write.Creates is not null)
            {
                continue;
            }

            if (found[place] is not { } known)
            {
                return null;
            }

            heads.tasks[write.Task] = known.Row;
            heads.seen[write.Task] = new SeenTask(known.Row.Seq, known.Version);
            heads.steps[place] = known.Step;

            if (known.HasOpenCall)
            {
                heads.open.Add(write.Task);
            }
        }

        return heads;
    }

    public TaskRow? TaskOf(JournalWrite write) => tasks.GetValueOrDefault(write.Task);

    /// <summary>Whether a task is still as it was at a version of its row, also after what this batch has decided so far.</summary>
    public bool IsAt(TaskKey task, uint version) =>
        seen.TryGetValue(task, out var found) && found.Version == version && !changed.ContainsKey(task);

    public (Guid TaskId, byte[] BodyDigest)? RequestOf(RequestKey request) =>
        requests.TryGetValue((request.Tenant, request.Key), out var taken) ? taken : null;

    public StepHead StepOf(int place) => steps[place];

    /// <summary>Whether a call was dispatched and it is not recorded how that ended. Asked for tasks that are about to end.</summary>
    public bool HasOpenCall(TaskKey task) => open.Contains(task);

    public string? TakeArrival(TaskKey task, string name)
    {
        if (!arrivals.Remove((task, name), out var because))
        {
            return null;
        }

        taken.Add((task, name));
        kept.Remove((task, name));

        return because;
    }

    /// <summary>Keeps what nobody waits for yet. A later write of the same batch that parks on it finds it.</summary>
    public void KeepArrival(TaskKey task, Arrival arrival)
    {
        arrivals.TryAdd((task, arrival.Name), arrival.Because);
        kept.TryAdd((task, arrival.Name), arrival.Because);
    }

    /// <summary>The row as it now stands; later writes of the same batch see it.</summary>
    public void Put(TaskRow row, bool isNew)
    {
        tasks[row.Key] = row;
        changed[row.Key] = row;

        if (isNew)
        {
            created.Add(row.Key);
        }
    }

    /// <summary>A repeat inside one batch finds the first one.</summary>
    public void Put(RequestKey request, Guid taskId) => requests[(request.Tenant, request.Key)] = (taskId, request.BodyDigest);

    /// <summary>A later write of the same batch sees what an earlier one added to the same step.</summary>
    public void Grow(int place, IReadOnlyList<JournalWrite> writes, int facts)
    {
        var step = writes[place].Step;

        if (writes[place].Facts.Any(fact => fact is CallDispatched))
        {
            open.Add(writes[place].Task);
        }

        for (var later = place + 1; step is not null && later < writes.Count; later++)
        {
            if (writes[later].Task != writes[place].Task || writes[later].Step is not { } other)
            {
                continue;
            }

            if (other == step)
            {
                steps[later] = steps[later] with { Facts = steps[later].Facts + facts };
            }
            else if (PositionOf(writes[later]) is { } position
                && position == PositionOf(writes[place]) && other.Branch == step.Value.Branch)
            {
                steps[later] = steps[later] with { PositionTakenBy = step.Value.Value };
            }
        }
    }

    /// <summary>Whoever inserts a request key has this lock, and whoever looks for one in order to insert it. In one order for all.</summary>
    public static NpgsqlBatchCommand LockKeys(IReadOnlyCollection<(string Tenant, string Key)> keys)
    {
        var sorted = keys.OrderBy(key => key.Tenant, StringComparer.Ordinal).ThenBy(key => key.Key, StringComparer.Ordinal).ToList();

        return Command(
            """
            select pg_advisory_xact_lock(hashtextextended(k.tenant_id || '/' || k.key, 7))
            from unnest($1, $2) as k(tenant_id, key)
            """,
            sorted.Select(key => key.Tenant).ToArray(),
            sorted.Select(key => key.Key).ToArray());
    }

    public static int? PositionOf(JournalWrite write) => write.Facts[0] switch
    {
        StepRecorded f => f.Position,
        CallRequested f => f.Position,
        _ => null,
    };

    private void LockTasks(
        List<NpgsqlBatchCommand> batch, List<Func<NpgsqlDataReader, CancellationToken, Task>> reads, IReadOnlyList<JournalWrite> writes)
    {
        var keys = writes.Where(write => write.Creates is null).Select(write => write.Task).Distinct().ToArray();

        if (keys.Length == 0)
        {
            return;
        }

        batch.Add(Command(
            $"""
            select {TaskRows.Columns}, t.xmin
            from orchestrator.task t join unnest($1, $2) as k(tenant_id, id) on t.tenant_id = k.tenant_id and t.id = k.id
            order by t.tenant_id collate "C", t.id for update of t
            """,
            keys.Select(key => key.Tenant).ToArray(),
            keys.Select(key => key.Id).ToArray()));
        reads.Add(async (rows, stop) =>
        {
            while (await rows.ReadAsync(stop))
            {
                var row = TaskRows.Read(rows);
                tasks[row.Key] = row;
                seen[row.Key] = new SeenTask(row.Seq, rows.GetFieldValue<uint>(TaskRows.Count));
            }
        });
    }

    private void LockRequests(
        List<NpgsqlBatchCommand> batch, List<Func<NpgsqlDataReader, CancellationToken, Task>> reads, IReadOnlyList<JournalWrite> writes)
    {
        var keys = writes.Select(write => write.Request).OfType<RequestKey>()
            .Select(request => (request.Tenant, request.Key)).Distinct().ToArray();

        if (keys.Length == 0)
        {
            return;
        }

        // Nobody can insert one of these keys between the look and the insert, here or at another replica.
        batch.Add(LockKeys(keys));
        reads.Add((_, _) => Task.CompletedTask);

        batch.Add(Command(
            """
            select r.tenant_id, r.key, r.task_id, r.body_digest
            from orchestrator.request r join unnest($1, $2) as k(tenant_id, key) on r.tenant_id = k.tenant_id and r.key = k.key
            """,
            keys.Select(key => key.Tenant).ToArray(),
            keys.Select(key => key.Key).ToArray()));
        reads.Add(async (rows, stop) =>
        {
            while (await rows.ReadAsync(stop))
            {
                requests[(rows.GetString(0), rows.GetString(1))] = (rows.GetGuid(2), rows.GetFieldValue<byte[]>(3));
            }
        });
    }

    // A statement of its own: its snapshot is taken after the locks, so it sees what the former holder committed.
    private void ReadSteps(
        List<NpgsqlBatchCommand> batch, List<Func<NpgsqlDataReader, CancellationToken, Task>> reads, IReadOnlyList<JournalWrite> writes)
    {
        var places = Enumerable.Range(0, writes.Count).Where(place => writes[place].Step is not null).ToArray();

        if (places.Length == 0)
        {
            return;
        }

        batch.Add(Command(
            """
            select (select count(*)::int from orchestrator.journal j
                    where j.tenant_id = k.tenant_id and j.task_id = k.task_id and j.step = k.step and j.step <> ''),
                   (select j.step from orchestrator.journal j
                    where j.tenant_id = k.tenant_id and j.task_id = k.task_id and j.branch = k.branch and j.position = k.position)
            from unnest($1, $2, $3, $4, $5) with ordinality as k(tenant_id, task_id, step, branch, position, place)
            order by k.place
            """,
            places.Select(place => writes[place].Task.Tenant).ToArray(),
            places.Select(place => writes[place].Task.Id).ToArray(),
            places.Select(place => writes[place].Step!.Value.Value).ToArray(),
            places.Select(place => writes[place].Step!.Value.Branch).ToArray(),
            places.Select(place => PositionOf(writes[place])).ToArray()));
        reads.Add(async (rows, stop) =>
        {
            foreach (var place in places)
            {
                await rows.ReadAsync(stop);
                steps[place] = new StepHead(rows.GetInt32(0), await rows.IsDBNullAsync(1, stop) ? null : rows.GetString(1));
            }
        });
    }

    private void ReadArrivals(
        List<NpgsqlBatchCommand> batch, List<Func<NpgsqlDataReader, CancellationToken, Task>> reads, IReadOnlyList<JournalWrite> writes)
    {
        var waits = writes
            .SelectMany(write => write.Facts.OfType<TaskParked>().Select(parked => (write.Task, parked.On.Name)))
            .ToArray();

        if (waits.Length == 0)
        {
            return;
        }

        batch.Add(Command(
            """
            select a.tenant_id, a.task_id, a.name, a.because
            from orchestrator.arrival a join unnest($1, $2, $3) as k(tenant_id, task_id, name)
              on a.tenant_id = k.tenant_id and a.task_id = k.task_id and a.name = k.name
            """,
            waits.Select(wait => wait.Task.Tenant).ToArray(),
            waits.Select(wait => wait.Task.Id).ToArray(),
            waits.Select(wait => wait.Name).ToArray()));
        reads.Add(async (rows, stop) =>
        {
            while (await rows.ReadAsync(stop))
            {
                arrivals[(new TaskKey(rows.GetString(0), rows.GetGuid(1)), rows.GetString(2))] = rows.GetString(3);
            }
        });
    }

    private void ReadOpenCalls(
        List<NpgsqlBatchCommand> batch, List<Func<NpgsqlDataReader, CancellationToken, Task>> reads, IReadOnlyList<JournalWrite> writes)
    {
        var ending = writes.Where(write => write.Facts.Any(fact => fact is TaskFinished)).Select(write => write.Task).ToArray();

        if (ending.Length == 0)
        {
            return;
        }

        batch.Add(Command(
            $"""
            select j.tenant_id, j.task_id
            from unnest($1, $2) as k(tenant_id, task_id) join orchestrator.journal j on j.tenant_id = k.tenant_id and j.task_id = k.task_id
            where {OpenCall}
            """,
            ending.Select(task => task.Tenant).ToArray(),
            ending.Select(task => task.Id).ToArray()));
        reads.Add(async (rows, stop) =>
        {
            while (await rows.ReadAsync(stop))
            {
                open.Add(new TaskKey(rows.GetString(0), rows.GetGuid(1)));
            }
        });
    }

    private static NpgsqlBatchCommand Command(string sql, params object[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);

        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        return command;
    }
}

/// <summary>Where a step stands.</summary>
/// <param name="Facts">How many facts it has.</param>
/// <param name="PositionTakenBy">The step that holds the position which the write wants; null when it is free.</param>
internal readonly record struct StepHead(int Facts, string? PositionTakenBy);

/// <summary>What a batch leaves behind beside the entries themselves.</summary>
internal sealed record JournalChanges(
    IReadOnlyList<TaskRow> Created,
    IReadOnlyList<ChangedTask> Updated,
    IReadOnlyList<(TaskKey Task, string Name)> ArrivalsTaken,
    IReadOnlyList<(TaskKey Task, string Name, string Because)> ArrivalsKept);

/// <summary>A task that changes.</summary>
internal sealed record ChangedTask(TaskRow Row, SeenTask Seen);

/// <summary>A task's row as it was when the batch was decided.</summary>
/// <param name="Seq">Entries that its journal then had.</param>
/// <param name="Version">The transaction that had written it last (PostgreSQL's <c>xmin</c>).</param>
internal readonly record struct SeenTask(long Seq, uint Version);
