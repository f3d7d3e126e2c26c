using Mesh.Orchestrator.Lifecycle;
using Npgsql;

namespace Mesh.Orchestrator.Journal;

/// <summary>A <see cref="TaskRow"/> as the columns of <c>orchestrator.task</c> under the alias <c>t</c>.</summary>
internal static class TaskRows
{
    public const string Columns = """
        t.tenant_id, t.id, t.workflow, t.workflow_version, t.initiator, t.state, t.epoch, t.seq, t.attempt, t.steps,
        t.claim_hash, t.claim_instance, t.claim_until, t.cancel_requested, t.waits_on, t.not_before, t.reason, t.message,
        t.created_at, t.ended_at, t.traceparent, t.tools_done, t.ended_claim_hash, t.failures, t.deadline
        """;

    /// <summary>How many <see cref="Columns"/> there are.</summary>
    public const int Count = 25;

    /// <summary>The present in whole microseconds, as the columns hold it: a row says the same before it is written and after it was read.</summary>
    public static DateTimeOffset Now(TimeProvider clock)
    {
        var now = clock.GetUtcNow();

        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>
    /// A recursive query of this name: each workflow version that has a task in a state, once. It steps from one to the
    /// next in the index that the state has, so it costs the same however many tasks there are.
    /// </summary>
    public static string WorkflowsWith(string name, TaskState state) =>
        $"""
        {name}(tenant_id, workflow, workflow_version) as (
          (select tenant_id, workflow, workflow_version from orchestrator.task where state = {(short)state}
           order by tenant_id, workflow, workflow_version limit 1)
          union all
          select n.* from {name} k cross join lateral (
            select tenant_id, workflow, workflow_version from orchestrator.task
            where state = {(short)state} and (tenant_id, workflow, workflow_version) > (k.tenant_id, k.workflow, k.workflow_version)
            order by tenant_id, workflow, workflow_version limit 1) n)
        """;

    /// <summary>All rows that a query of the <see cref="Columns"/> brings.</summary>
    public static async Task<IReadOnlyList<TaskRow>> ReadAllAsync(NpgsqlCommand command, CancellationToken stop)
    {
        await using var rows = await command.ExecuteReaderAsync(stop);
        var tasks = new List<TaskRow>();

        while (await rows.ReadAsync(stop))
        {
            tasks.Add(Read(rows));
        }

        return tasks;
    }

    public static TaskRow Read(NpgsqlDataReader rows) => new()
    {
        Key = new TaskKey(rows.GetString(0), rows.GetGuid(1)),
        Workflow = rows.GetString(2),
        WorkflowVersion = rows.GetString(3),
        Initiator = rows.GetString(4),
        State = (TaskState)rows.GetInt16(5),
        Epoch = rows.GetInt64(6),
        Seq = rows.GetInt64(7),
        Attempt = rows.GetInt32(8),
        Steps = rows.GetInt32(9),
        ClaimHash = rows.IsDBNull(10) ? null : rows.GetFieldValue<byte[]>(10),
        ClaimInstance = rows.IsDBNull(11) ? null : rows.GetString(11),
        ClaimUntil = rows.IsDBNull(12) ? null : rows.GetFieldValue<DateTimeOffset>(12),
        CancelRequested = rows.GetBoolean(13),
        WaitsOn = rows.IsDBNull(14) ? null : rows.GetString(14),
        NotBefore = rows.IsDBNull(15) ? null : rows.GetFieldValue<DateTimeOffset>(15),
        Reason = rows.GetString(16),
        Message = rows.GetString(17),
        CreatedAt = rows.GetFieldValue<DateTimeOffset>(18),
        EndedAt = rows.IsDBNull(19) ? null : rows.GetFieldValue<DateTimeOffset>(19),
        Traceparent = rows.IsDBNull(20) ? null : rows.GetString(20),
        ToolsDone = rows.GetFieldValue<string[]>(21),
        EndedClaimHash = rows.IsDBNull(22) ? null : rows.GetFieldValue<byte[]>(22),
        Failures = rows.GetInt32(23),
        Deadline = rows.GetFieldValue<DateTimeOffset>(24),
    };
}
