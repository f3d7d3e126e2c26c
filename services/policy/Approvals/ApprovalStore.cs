using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Integrity;
using Mesh.Policy.Announcing;
using Npgsql;

namespace Mesh.Policy.Approvals;

/// <summary>Reads and moves approvals. Every move is in <see cref="ApprovalMoves"/>, and told in the same transaction.</summary>
internal sealed class ApprovalStore(TimeProvider clock)
{
    private const string Columns = """
        id, tenant_id, action_digest, state, task_id, workflow, step, tool, shown, groups, rules, excludes_initiator, initiator, created_at, expires_at,
        decided_by, decided_groups, decided_at, decided_request, reason, consumed_dispatch, revision, expires_at <= clock_timestamp()
        """;

    /// <summary>Orders all decisions about one action. Held until the transaction ends.</summary>
    public static async Task LockActionAsync(NpgsqlTransaction transaction, string tenant, ActionDigest action, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("select pg_advisory_xact_lock(hashtextextended($1, 0))", transaction.Connection, transaction);
        command.Parameters.Add(new() { Value = $"mesh/approval/{tenant}/{action}" });
        await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>The newest approval of an action, locked; null when nobody was ever asked.</summary>
    public static async Task<Approval?> FindAsync(NpgsqlTransaction transaction, string tenant, ActionDigest action, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            $"select {Columns} from approval where tenant_id = $1 and action_digest = $2 order by id desc limit 1 for update",
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = action.Hash.ToArray() });
        return await ReadAsync(command, stop) is [var found, ..] ? found : null;
    }

    /// <summary>One approval by its id, locked; null when the tenant has none of that id.</summary>
    public static async Task<Approval?> FindAsync(NpgsqlTransaction transaction, string tenant, Guid id, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            $"select {Columns} from approval where tenant_id = $1 and id = $2 for update", transaction.Connection, transaction);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = id });
        return await ReadAsync(command, stop) is [var found, ..] ? found : null;
    }

    /// <summary>Approvals whose id ends in these digits; two are enough to say that it is ambiguous.</summary>
    public static async Task<IReadOnlyList<Approval>> FindByEndingAsync(NpgsqlDataSource store, string tenant, string ending, CancellationToken stop)
    {
        await using var command = store.CreateCommand($"select {Columns} from approval where tenant_id = $1 and right(id::text, 8) = $2 order by id desc limit 2");
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = ending });
        return await ReadAsync(command, stop);
    }

    public static async Task<Approval?> FindAsync(NpgsqlDataSource store, string tenant, Guid id, CancellationToken stop)
    {
        await using var command = store.CreateCommand($"select {Columns} from approval where tenant_id = $1 and id = $2");
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = id });
        return await ReadAsync(command, stop) is [var found, ..] ? found : null;
    }

    /// <summary>Oldest first, after a given id.</summary>
    public static async Task<IReadOnlyList<Approval>> ListAsync(
        NpgsqlDataSource store, string tenant, ImmutableArray<ApprovalState> states, Guid after, int count, CancellationToken stop)
    {
        await using var command = store.CreateCommand(
            $"select {Columns} from approval where tenant_id = $1 and state = any($2) and id > $3 order by id limit $4");
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = states.Select(state => state.Word()).ToArray() });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = count });
        return await ReadAsync(command, stop);
    }

    /// <summary>Approvals that nobody decided in time; those that somebody is deciding right now are left for later.</summary>
    public static async Task<IReadOnlyList<Approval>> FindOverdueAsync(NpgsqlTransaction transaction, int count, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            $"select {Columns} from approval where state = 'pending' and expires_at <= clock_timestamp() order by expires_at limit $1 for update skip locked",
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = count });
        return await ReadAsync(command, stop);
    }

    /// <summary>Asks: the approval and the fact that wakes approvers, in the transaction of the answer.</summary>
    public async Task CreateAsync(NpgsqlTransaction transaction, Approval approval, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            """
            insert into approval (id, tenant_id, action_digest, state, task_id, workflow, step, tool, shown, groups, rules, quorum, excludes_initiator, initiator, expires_at)
            values ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13)
            """,
            transaction.Connection,
            transaction);

        foreach (var value in (object[])
        [
            approval.Id, approval.Tenant, approval.Action.Hash.ToArray(), approval.Task, approval.Workflow, approval.Step, approval.Tool, approval.Shown,
            approval.Groups.ToArray(), approval.Rules.ToArray(), approval.ExcludesInitiator, approval.Initiator, approval.ExpiresAt,
        ])
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(stop);

        var fact = Announcement.Of(approval.Tenant, "mesh", clock);
        fact.ApprovalRequested = new Facts.V1.ApprovalRequested
        {
            ApprovalId = approval.Id.ToString("D"),
            TaskId = ByteString.CopyFrom(approval.Task.ToByteArray(bigEndian: true)),
            Workflow = approval.Workflow,
            Step = approval.Step,
            Tool = approval.Tool,
            ActionDigest = ByteString.CopyFrom(approval.Action.Hash.ToArray()),
            Groups = { approval.Groups },
            ExpiresAt = approval.ExpiresAt.ToTimestamp(),
            ShownDigest = ByteString.CopyFrom(approval.ShownDigest.ToArray()),
        };
        await Announcement.WriteAsync(transaction, approval.Id.ToString("D"), approval.Revision, fact, stop);
    }

    /// <summary>A person has decided.</summary>
    public async Task<Approval> DecideAsync(
        NpgsqlTransaction transaction, Approval approval, ApprovalEvent decision, PersonsDecision person, CancellationToken stop)
    {
        var decided = approval with
        {
            State = approval.State.After(decision),
            DecidedBy = person.Person,
            DecidedGroups = person.Groups,
            DecidedAt = clock.GetUtcNow(),
            DecidedRequest = person.RequestId,
            Reason = person.Reason,
            Revision = approval.Revision + 1,
        };
        await WriteAsync(transaction, decided, stop);
        await TellAsync(transaction, decided, $"person:{person.Person}", stop);
        return decided;
    }

    /// <summary>The time is over, or what policy wants has become stricter than what was approved.</summary>
    public async Task<Approval> ExpireAsync(NpgsqlTransaction transaction, Approval approval, string reason, CancellationToken stop)
    {
        var expired = approval with { State = approval.State.After(ApprovalEvent.Expire), Reason = reason, Revision = approval.Revision + 1 };
        await WriteAsync(transaction, expired, stop);
        await TellAsync(transaction, expired, "mesh", stop);
        return expired;
    }

    /// <summary>The approval is used up by a dispatch of its action. Told by the decision itself, not by a fact of its own.</summary>
    public static async Task ConsumeAsync(NpgsqlTransaction transaction, Approval approval, int dispatch, CancellationToken stop) =>
        await WriteAsync(
            transaction,
            approval with { State = approval.State.After(ApprovalEvent.Consume), ConsumedDispatch = dispatch, Revision = approval.Revision + 1 },
            stop);

    private async Task TellAsync(NpgsqlTransaction transaction, Approval approval, string actor, CancellationToken stop)
    {
        var fact = Announcement.Of(approval.Tenant, actor, clock);
        fact.ApprovalDecided = new Facts.V1.ApprovalDecided
        {
            ApprovalId = approval.Id.ToString("D"),
            TaskId = ByteString.CopyFrom(approval.Task.ToByteArray(bigEndian: true)),
            Step = approval.Step,
            ActionDigest = ByteString.CopyFrom(approval.Action.Hash.ToArray()),
            Decision = approval.State switch
            {
                ApprovalState.Approved => Facts.V1.ApprovalDecided.Types.Decision.Approved,
                ApprovalState.Denied => Facts.V1.ApprovalDecided.Types.Decision.Denied,
                _ => Facts.V1.ApprovalDecided.Types.Decision.Expired,
            },
            Reason = approval.Reason,
        };
        await Announcement.WriteAsync(transaction, approval.Id.ToString("D"), approval.Revision, fact, stop);
    }

    private static async Task WriteAsync(NpgsqlTransaction transaction, Approval approval, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            """
            update approval set state = $2, decided_by = $3, decided_groups = $4, decided_at = $5, decided_request = $6, reason = $7,
                                consumed_dispatch = $8, revision = $9
            where id = $1
            """,
            transaction.Connection,
            transaction);
        command.Parameters.Add(new() { Value = approval.Id });
        command.Parameters.Add(new() { Value = approval.State.Word() });
        command.Parameters.Add(new() { Value = approval.DecidedBy ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = approval.DecidedGroups.ToArray() });
        command.Parameters.Add(new() { Value = approval.DecidedAt ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = approval.DecidedRequest ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = approval.Reason });
        command.Parameters.Add(new() { Value = approval.ConsumedDispatch ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Integer });
        command.Parameters.Add(new() { Value = approval.Revision });
        await command.ExecuteNonQueryAsync(stop);
    }

    private static async Task<IReadOnlyList<Approval>> ReadAsync(NpgsqlCommand command, CancellationToken stop)
    {
        var approvals = new List<Approval>();
        await using var rows = await command.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            approvals.Add(new Approval
            {
                Id = rows.GetGuid(0),
                Tenant = rows.GetString(1),
                Action = new ActionDigest(new Hash256(rows.GetFieldValue<byte[]>(2))),
                State = ApprovalMoves.Read(rows.GetString(3)),
                Task = rows.GetGuid(4),
                Workflow = rows.GetString(5),
                Step = rows.GetString(6),
                Tool = rows.GetString(7),
                Shown = rows.GetFieldValue<byte[]>(8),
                Groups = [.. rows.GetFieldValue<string[]>(9)],
                Rules = [.. rows.GetFieldValue<string[]>(10)],
                ExcludesInitiator = rows.GetBoolean(11),
                Initiator = rows.GetString(12),
                CreatedAt = rows.GetFieldValue<DateTimeOffset>(13),
                ExpiresAt = rows.GetFieldValue<DateTimeOffset>(14),
                DecidedBy = rows.IsDBNull(15) ? null : rows.GetString(15),
                DecidedGroups = rows.IsDBNull(16) ? [] : [.. rows.GetFieldValue<string[]>(16)],
                DecidedAt = rows.IsDBNull(17) ? null : rows.GetFieldValue<DateTimeOffset>(17),
                DecidedRequest = rows.IsDBNull(18) ? null : rows.GetString(18),
                Reason = rows.GetString(19),
                ConsumedDispatch = rows.IsDBNull(20) ? null : rows.GetInt32(20),
                Revision = rows.GetInt32(21),
                IsOverdue = rows.GetBoolean(22),
            });
        }

        return approvals;
    }
}
