using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Orchestrator.Offering;

/// <summary>Keeps claims alive, and ends those whose agent is gone.</summary>
internal sealed class ClaimKeeper(NpgsqlDataSource store, JournalStore journal, Catalog catalog, WorkOffers offers, TimeProvider clock)
{
    /// <summary>Extends what is still held. Null for each claim that is lost.</summary>
    /// <remarks>
    /// Not journaled and not synchronously durable: a lost extension only costs an early takeover. Once somebody asked for
    /// the task's end nothing is extended any more: an agent that does not listen loses the task when its grace is over.
    /// </remarks>
    public async Task<IReadOnlyList<HeldClaim?>> ExtendAsync(
        AgentIdentity agent, IReadOnlyList<ClaimToken?> claims, CancellationToken stop)
    {
        var until = clock.GetUtcNow() + Claims.Lasts;
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("select set_config('synchronous_commit', 'off', true)"),
                new NpgsqlBatchCommand(
                    """
                    update orchestrator.task t set claim_until = case when t.cancel_requested then t.claim_until else $4 end
                    from unnest($2, $3) as k(id, claim_hash)
                    where t.tenant_id = $1 and t.id = k.id and t.claim_hash = k.claim_hash
                    returning t.id, t.claim_until, t.cancel_requested
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
        await rows.NextResultAsync(stop);

        while (await rows.ReadAsync(stop))
        {
            held[rows.GetGuid(0)] = new HeldClaim(rows.GetFieldValue<DateTimeOffset>(1), rows.GetBoolean(2));
        }

        return [.. claims.Select(claim => claim is null ? null : held.GetValueOrDefault(claim.TaskId))];
    }

    /// <summary>The agent's process or socket is gone: what it held is offered to others now.</summary>
    /// <param name="agent">Which one.</param>
    /// <param name="cause">That its runner stopped it is nobody's failure; any other end counts against its tasks' attempts.</param>
    /// <param name="stop">Ends the waiting.</param>
    public Task<int> EndAgentAsync(AgentIdentity agent, ClaimEnd cause, CancellationToken stop)
    {
        // First: a claim that is being made for one of its polls is found below, or given back by whoever made it.
        offers.End(agent.Instance);

        return EndAllAsync("t.tenant_id = $1 and t.claim_instance = $2", cause, stop, agent.Workflow.Tenant, agent.Instance);
    }

    /// <summary>
    /// What was handed to the agent and did not arrive, because whoever answered its poll died with the answer. It is offered again now: no
    /// failure of the agent's, and no attempt of the tasks'.
    /// </summary>
    /// <param name="agent">Which one. It has one poll at a time, and has just begun another one.</param>
    /// <param name="held">All that it holds; null for what is no claim.</param>
    /// <param name="stop">Ends the waiting.</param>
    public Task<int> EndUnheldAsync(AgentIdentity agent, IReadOnlyList<ClaimToken?> held, CancellationToken stop) => EndAllAsync(
        "t.tenant_id = $1 and t.claim_instance = $2 and t.workflow = $3 and t.workflow_version = $4 and t.claim_hash <> all($5)",
        ClaimEnd.Released,
        stop,
        agent.Workflow.Tenant,
        agent.Instance,
        agent.Workflow.Workflow,
        agent.Workflow.Version,
        held.OfType<ClaimToken>().Select(claim => claim.Hash).ToArray());

    /// <summary>The runner of a workflow version is gone, and its agents with it: no failure of theirs, and no attempt of the tasks'.</summary>
    public async Task EndAgentsOfAsync(WorkflowKey workflow, CancellationToken stop)
    {
        await EndAllAsync(
            "t.tenant_id = $1 and t.workflow = $2 and t.workflow_version = $3",
            ClaimEnd.Released,
            stop,
            workflow.Tenant,
            workflow.Workflow,
            workflow.Version);

        // Also of those that nobody held: the runner that is next may be waiting at another replica.
        offers.Stir(workflow);
    }

    private async Task<int> EndAllAsync(string which, ClaimEnd cause, CancellationToken stop, params object[] parameters)
    {
        await using var command = journal.Command(
            $"select {TaskRows.Columns} from orchestrator.task t where t.state = {(short)TaskState.Running} and {which}", parameters);
        var held = await TaskRows.ReadAllAsync(command, stop);
        var ended = await Task.WhenAll(held.Select(task => EndAsync(task, cause, stop)));

        return ended.Count(isEnded => isEnded);
    }

    /// <summary>Ends one claim that its agent will not finish, and offers the task again or gives it to a person.</summary>
    public async Task<bool> EndAsync(TaskRow task, ClaimEnd cause, CancellationToken stop)
    {
        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = cause == ClaimEnd.Expired ? new Fence.Overdue(task.Epoch) : new Fence.Observed(task.Epoch, TaskState.Running),
                Facts = await IsUsedUpAsync(task, cause, stop)
                    ? [new TaskClaimEnded(cause), new TaskParked(new Wait.Attention("ATTEMPTS_USED_UP"), UsedUp(task))]
                    : [new TaskClaimEnded(cause)],
            },
            stop);

        if (answer is not JournalAnswer.Written)
        {
            return false;
        }

        offers.Stir(task.WorkflowKey);

        return true;
    }

    // A task that is to end anyway needs no person to look at it.
    private async Task<bool> IsUsedUpAsync(TaskRow task, ClaimEnd cause, CancellationToken stop) =>
        cause != ClaimEnd.Released
        && !task.CancelRequested
        && await catalog.FindAsync(task.WorkflowKey, stop) is { Manifest.Limits.Attempts: var attemptsMax }
        && task.Failures + 1 >= attemptsMax;

    private static string UsedUp(TaskRow task) =>
        $"Its agent was lost or failed {task.Failures + 1} times, which are all of limits.attempts. The agent's log may say why; "
        + "then end the task with: mesh task cancel, and start it again.";
}

/// <summary>A claim that its agent still holds.</summary>
internal sealed record HeldClaim(DateTimeOffset Until, bool IsCancelRequested);
