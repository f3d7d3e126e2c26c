using Google.Protobuf;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Orchestrator.Journal;

/// <summary>The rows that a batch adds, gathered while it is decided and inserted together.</summary>
internal sealed class JournalRows
{
    private readonly List<JournalRow> entries = [];
    private readonly List<Envelope> messages = [];
    private readonly List<(RequestKey Request, Guid TaskId)> requests = [];

    public IReadOnlyList<JournalRow> Entries => entries;

    public void AddEntry(JournalWrite write, Fact fact, long seq, int stepFact, byte[] body)
    {
        var position = fact switch
        {
            StepRecorded f => f.Position,
            CallRequested f => f.Position,
            _ => (int?)null,
        };

        entries.Add(new JournalRow(
            write.Task, seq, write.StepOf(fact), stepFact, position is null ? null : write.Step!.Value.Branch, position, fact.GetType().Name, body));
    }

    /// <summary>One message for all facts of a write: the facts travel verbatim, and their numbers follow from the first.</summary>
    public void AddMessages(JournalWrite write, TaskRow row, long firstSeq, IReadOnlyList<byte[]> bodies)
    {
        // What the mesh does by itself belongs to the trace that the task began with.
        var traceparent = write.TraceParent ?? row.Traceparent;

        if (bodies.Count > 0)
        {
            var batch = new Facts.V1.TaskFactBatch();
            batch.Facts.AddRange(bodies.Select(body => UnsafeByteOperations.UnsafeWrap(body)));
            messages.Add(new Envelope(
                Guid.CreateVersion7(),
                write.Task.Tenant,
                write.Task.Id.ToString("D"),
                firstSeq,
                Facts.V1.TaskFactBatch.Descriptor.FullName,
                traceparent,
                batch.ToByteArray()));
        }

        if (write.Reservation is { } reservation)
        {
            var outcome = new Facts.V1.CallOutcome
            {
                Tenant = write.Task.Tenant,
                ActionDigest = Ids.Write(reservation.Digest),
                Performed = reservation.Performed,
                Dispatch = reservation.Dispatch,
            };
            messages.Add(new Envelope(
                Guid.CreateVersion7(),
                write.Task.Tenant,
                reservation.Digest.ToString(),
                0,
                Facts.V1.CallOutcome.Descriptor.FullName,
                traceparent,
                outcome.ToByteArray()));
        }
    }

    public void AddRequest(RequestKey request, Guid taskId) => requests.Add((request, taskId));

    /// <summary>All statements that the batch comes to. The first one answers the version that its rows now have.</summary>
    public IReadOnlyCollection<NpgsqlBatchCommand> Statements(JournalChanges changes)
    {
        var batch = new List<NpgsqlBatchCommand>();

        // First what may be refused.
        if (changes.Updated.Count > 0)
        {
            batch.Add(UpdateTasks(changes.Updated));
        }

        if (changes.Created.Count > 0)
        {
            batch.Add(InsertTasks(changes.Created));
        }

        if (requests.Count > 0)
        {
            batch.Add(JournalHeads.LockKeys([.. requests.Select(r => (r.Request.Tenant, r.Request.Key))]));
            batch.Add(Command(
                "insert into orchestrator.request(tenant_id, key, body_digest, task_id) select * from unnest($1, $2, $3, $4)",
                requests.Select(r => r.Request.Tenant).ToArray(),
                requests.Select(r => r.Request.Key).ToArray(),
                requests.Select(r => r.Request.BodyDigest).ToArray(),
                requests.Select(r => r.TaskId).ToArray()));
        }

        if (entries.Count > 0)
        {
            batch.Add(Command(
                """
                insert into orchestrator.journal(tenant_id, task_id, seq, step, step_fact, branch, position, kind, body)
                select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                entries.Select(e => e.Task.Tenant).ToArray(),
                entries.Select(e => e.Task.Id).ToArray(),
                entries.Select(e => e.Seq).ToArray(),
                entries.Select(e => e.Step).ToArray(),
                entries.Select(e => e.StepFact).ToArray(),
                Texts(entries.Select(e => e.Branch)),
                entries.Select(e => e.Position).ToArray(),
                entries.Select(e => e.Kind).ToArray(),
                entries.Select(e => e.Body).ToArray()));
        }

        if (changes.ArrivalsTaken.Count > 0)
        {
            batch.Add(Command(
                """
                delete from orchestrator.arrival a using unnest($1, $2, $3) as k(tenant_id, task_id, name)
                where a.tenant_id = k.tenant_id and a.task_id = k.task_id and a.name = k.name
                """,
                changes.ArrivalsTaken.Select(a => a.Task.Tenant).ToArray(),
                changes.ArrivalsTaken.Select(a => a.Task.Id).ToArray(),
                changes.ArrivalsTaken.Select(a => a.Name).ToArray()));
        }

        if (changes.ArrivalsKept.Count > 0)
        {
            batch.Add(Command(
                """
                insert into orchestrator.arrival(tenant_id, task_id, name, because) select * from unnest($1, $2, $3, $4)
                on conflict do nothing
                """,
                changes.ArrivalsKept.Select(a => a.Task.Tenant).ToArray(),
                changes.ArrivalsKept.Select(a => a.Task.Id).ToArray(),
                changes.ArrivalsKept.Select(a => a.Name).ToArray(),
                changes.ArrivalsKept.Select(a => a.Because).ToArray()));
        }

        if (messages.Count > 0)
        {
            batch.Add(Outbox.Insert(messages));
        }

        return batch;
    }

    private static NpgsqlBatchCommand InsertTasks(IReadOnlyList<TaskRow> rows) => Command(
        """
        insert into orchestrator.task(
          tenant_id, id, workflow, workflow_version, initiator, state, epoch, seq, attempt, steps,
          claim_hash, claim_instance, claim_until, created_at, traceparent, deadline)
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        returning xmin
        """,
        rows.Select(r => r.Key.Tenant).ToArray(),
        rows.Select(r => r.Key.Id).ToArray(),
        rows.Select(r => r.Workflow).ToArray(),
        rows.Select(r => r.WorkflowVersion).ToArray(),
        rows.Select(r => r.Initiator).ToArray(),
        rows.Select(r => (short)r.State).ToArray(),
        rows.Select(r => r.Epoch).ToArray(),
        rows.Select(r => r.Seq).ToArray(),
        rows.Select(r => r.Attempt).ToArray(),
        rows.Select(r => r.Steps).ToArray(),
        Blobs(rows.Select(r => r.ClaimHash)),
        Texts(rows.Select(r => r.ClaimInstance)),
        Times(rows.Select(r => r.ClaimUntil)),
        Times(rows.Select(r => (DateTimeOffset?)r.CreatedAt)),
        Texts(rows.Select(r => r.Traceparent)),
        Times(rows.Select(r => (DateTimeOffset?)r.Deadline)));

    // xmin names the transaction that wrote a row last: another one means that somebody else was here. Whatever the journal
    // of a task gains, its row is written with it, so this guards the entries as well.
    private static NpgsqlBatchCommand UpdateTasks(IReadOnlyList<ChangedTask> changed)
    {
        var rows = changed.Select(change => change.Row).ToList();

        return Command(
            """
            with moved as (
              update orchestrator.task t set
                state = k.state, epoch = k.epoch, seq = k.seq, attempt = k.attempt, steps = k.steps, claim_hash = k.claim_hash,
                claim_instance = k.claim_instance, claim_until = k.claim_until, cancel_requested = k.cancel_requested, waits_on = k.waits_on, not_before = k.not_before, reason = k.reason,
                message = k.message, ended_at = k.ended_at, tools_done = string_to_array(k.tools_done, ','),
                ended_claim_hash = k.ended_claim_hash, failures = k.failures
              from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) as k(
                tenant_id, id, state, epoch, seq, attempt, steps, claim_hash, claim_instance, claim_until, cancel_requested,
                waits_on, not_before, reason, message, ended_at, tools_done, ended_claim_hash, failures, version)
              where t.tenant_id = k.tenant_id and t.id = k.id and t.xmin = k.version
              returning 1)
            select pg_current_xact_id()::xid, orchestrator.require(count(*), cardinality($1)) from moved
            """,
            rows.Select(r => r.Key.Tenant).ToArray(),
            rows.Select(r => r.Key.Id).ToArray(),
            rows.Select(r => (short)r.State).ToArray(),
            rows.Select(r => r.Epoch).ToArray(),
            rows.Select(r => r.Seq).ToArray(),
            rows.Select(r => r.Attempt).ToArray(),
            rows.Select(r => r.Steps).ToArray(),
            Blobs(rows.Select(r => r.ClaimHash)),
            Texts(rows.Select(r => r.ClaimInstance)),
            Times(rows.Select(r => r.ClaimUntil)),
            rows.Select(r => r.CancelRequested).ToArray(),
            Texts(rows.Select(r => r.WaitsOn)),
            Times(rows.Select(r => r.NotBefore)),
            rows.Select(r => r.Reason).ToArray(),
            rows.Select(r => r.Message).ToArray(),
            Times(rows.Select(r => r.EndedAt)),

            // Joined: unnest would flatten an array of arrays. Tool names have no comma.
            rows.Select(r => string.Join(',', r.ToolsDone)).ToArray(),
            Blobs(rows.Select(r => r.EndedClaimHash)),
            rows.Select(r => r.Failures).ToArray(),
            new NpgsqlParameter { Value = changed.Select(change => change.Seen.Version).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Xid });
    }

    private static NpgsqlParameter Texts(IEnumerable<string?> values) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private static NpgsqlParameter Blobs(IEnumerable<byte[]?> values) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea };

    private static NpgsqlParameter Times(IEnumerable<DateTimeOffset?> values) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz };

    private static NpgsqlBatchCommand Command(string sql, params object[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);

        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter as NpgsqlParameter ?? new NpgsqlParameter { Value = parameter });
        }

        return command;
    }
}

/// <summary>A row of <c>orchestrator.journal</c>.</summary>
/// <param name="Step">Empty for facts of the whole task.</param>
/// <param name="StepFact">How many facts of the step come before it.</param>
/// <param name="Branch">With <paramref name="Position"/>: the place that the step takes in the handler's order.</param>
internal sealed record JournalRow(
    TaskKey Task, long Seq, string Step, int StepFact, string? Branch, int? Position, string Kind, byte[] Body)
{
    public const string Dispatched = nameof(CallDispatched);
    public const string Interrupted = nameof(CallInterrupted);

    /// <summary>As the last one of a step: a call may be out, and nothing says how that ended.</summary>
    public bool LeavesOpen => Kind is Dispatched or Interrupted;
}
