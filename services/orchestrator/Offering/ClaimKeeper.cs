using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Orchestrator.Offering;

/// <summary>Keeps claims alive, and ends those whose agent is gone.</summary>
internal sealed class ClaimKeeper(NpgsqlDataSource store, JournalStore journal, WorkOffers offers, TimeProvider clock)
{
    /// <summary>Extends what is still held. Null for each claim that is lost.</summary>
    /// <remarks>Not journaled and not synchronously durable: a lost extension only costs an early takeover.</remarks>
    public async Task<IReadOnlyList<HeldClaim?>> ExtendAsync(
        AgentIdentity agent, IReadOnlyList<ClaimToken?> claims, CancellationToken stop)
    {
        var until = clock.GetUtcNow() + Claims.Lasts;
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("set local synchronous_commit = off"),
                new NpgsqlBatchCommand(
                    """
                    update orchestrator.task t set claim_until = $4
                    from unnest($2, $3) as k(id, claim_hash)
                    where t.tenant_id = $1 and t.id = k.id and t.claim_hash = k.claim_hash
                    returning t.id, t.cancel_requested
                    """)
                {
                    Parameters =
                    {
                        new NpgsqlParameter { Value = agent.Workflow.Tenant },
                        new NpgsqlParameter { Value = claims.Select(c => c?.TaskId ?? Guid.Empty).ToArray() },
                        new NpgsqlParameter { Value = claims.Select(c => c?.Hash ?? []).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                        new NpgsqlParameter { Value = until },
                    },
                },
            },
        };
        var held = new Dictionary<Guid, HeldClaim>();
        await using var rows = await batch.ExecuteReaderAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            held[rows.GetGuid(0)] = new HeldClaim(until, rows.GetBoolean(1));
        }

        return [.. claims.Select(claim => claim is null ? null : held.GetValueOrDefault(claim.TaskId))];
    }

    /// <summary>The agent's process or socket is gone: what it held is offered to others now.</summary>
    public Task<int> EndAgentAsync(AgentIdentity agent, CancellationToken stop)
    {
        // First: a claim that is being made for one of its polls is found below, or given back by whoever made it.
        offers.End(agent.Instance);

        return EndAllAsync("t.tenant_id = $1 and t.claim_instance = $2", stop, agent.Workflow.Tenant, agent.Instance);
    }

    /// <summary>The runner of a workflow version is gone, and its agents with it.</summary>
    public Task<int> EndAgentsOfAsync(WorkflowKey workflow, CancellationToken stop) => EndAllAsync(
        "t.tenant_id = $1 and t.workflow = $2 and t.workflow_version = $3", stop, workflow.Tenant, workflow.Workflow, workflow.Version);

    private async Task<int> EndAllAsync(string which, CancellationToken stop, params object[] parameters)
    {
        await using var command = journal.Command(
            $"select {TaskRows.Columns} from orchestrator.task t where t.state = 2 and {which}", parameters);
        var held = new List<TaskRow>();

        await using (var rows = await command.ExecuteReaderAsync(stop))
        {
            while (await rows.ReadAsync(stop))
            {
                held.Add(TaskRows.Read(rows));
            }
        }

        var ended = await Task.WhenAll(held.Select(task => EndAsync(task, ClaimEnd.AgentLost, attemptsMax: null, stop)));

        return ended.Count(isEnded => isEnded);
    }

    /// <summary>Ends one claim that its agent will not finish, and offers the task again or gives it to a person.</summary>
    public async Task<bool> EndAsync(TaskRow task, ClaimEnd cause, int? attemptsMax, CancellationToken stop)
    {
        var isUsedUp = attemptsMax is { } max && task.Failures + 1 >= max;
        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.Running),
                Facts = isUsedUp
                    ? [new TaskClaimEnded(cause), new TaskParked(new Wait.Attention("ATTEMPTS_USED_UP"), $"Its agent was lost {task.Failures + 1} times.")]
                    : [new TaskClaimEnded(cause)],
            },
            stop);

        if (answer is not JournalAnswer.Written)
        {
            return false;
        }

        offers.Stir(new WorkflowKey(task.Key.Tenant, task.Workflow, task.WorkflowVersion));

        return true;
    }
}

/// <summary>A claim that its agent still holds.</summary>
internal sealed record HeldClaim(DateTimeOffset Until, bool IsCancelRequested);
