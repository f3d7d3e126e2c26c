using System.Collections.Concurrent;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Offering;

/// <summary>Brings ready tasks and waiting agents together: one look at the backlog at a time for each workflow version.</summary>
/// <remarks>
/// A new task meets a waiting agent before it is ever in the backlog (see <see cref="Intake.TaskStarter"/>). What is left
/// comes here: tasks that were submitted while nobody waited, that were given back, or whose wait is over.
/// </remarks>
internal sealed class WorkPump(
    WorkOffers offers, JournalStore journal, ToolDispatcher tools, WorkItems items, Assignments assignments, ILogger<WorkPump> log)
    : BackgroundService
{
    private const int CandidatesMax = 64;

    private readonly ConcurrentDictionary<WorkflowKey, bool> stirred = new();
    private readonly SemaphoreSlim wake = new(0);

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        offers.Stirred += Stir;

        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await wake.WaitAsync(stoppingToken);

            foreach (var workflow in stirred.Keys)
            {
                if (stirred.TryRemove(workflow, out _))
                {
                    await PumpAsync(workflow, stoppingToken);
                }
            }
        }
    }

    private void Stir(WorkflowKey workflow)
    {
        if (stirred.TryAdd(workflow, true))
        {
            wake.Release();
        }
    }

    private async Task PumpAsync(WorkflowKey workflow, CancellationToken stop)
    {
        try
        {
            // Nobody waits for it here: perhaps no agent runs yet.
            if (!offers.IsWaitedFor(workflow))
            {
                assignments.Stir();

                return;
            }

            var handedOut = await Task.WhenAll((await CandidatesAsync(workflow, stop)).Select(task => HandOutAsync(task, stop)));

            // More may be waiting than one look brings.
            if (handedOut.Length == CandidatesMax && handedOut.Any(handed => handed))
            {
                Stir(workflow);
            }
        }
        catch (Exception error) when (!stop.IsCancellationRequested)
        {
            // The shared loop looks again within a second; one bad look must not end all of them.
            log.BacklogUnreadable(workflow.Workflow, error);
        }
    }

    private async Task<bool> HandOutAsync(TaskRow task, CancellationToken stop)
    {
        var workflow = new WorkflowKey(task.Key.Tenant, task.Workflow, task.WorkflowVersion);

        if (offers.TryReserve(workflow) is not { } poll)
        {
            return false;
        }

        try
        {
            if (await ClaimAsync(task, poll.Agent, stop) is { } item)
            {
                poll.Deliver(item);

                return true;
            }

            offers.GiveBack(poll);
        }
        catch
        {
            offers.GiveBack(poll);
            throw;
        }

        return false;
    }

    private async Task<V1.WorkItem?> ClaimAsync(TaskRow task, AgentIdentity agent, CancellationToken stop)
    {
        var (text, token) = ClaimToken.New(task.Key.Id);
        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.Ready),
                Facts = [new TaskClaimed(agent.Instance, 0)],
                Claim = new NewClaim(token.Hash, agent.Instance, Claims.Lasts),
            },
            stop);

        if (answer is not JournalAnswer.Written { Task: var claimed })
        {
            return null;
        }

        // Somebody held it before: whatever that agent's calls still have in their hands is worthless before this one acts.
        if (claimed.Epoch > 1 && await tools.FenceTaskAsync(claimed.Key, claimed.Epoch, stop) is { } unfenced)
        {
            log.TakeoverUnfenced(claimed.Key.Id, unfenced.Reason.ToString());
            await journal.AppendAsync(
                new JournalWrite
                {
                    Task = claimed.Key,
                    Fence = new Fence.Claim(token.Hash),
                    Facts = [new TaskClaimEnded(ClaimEnd.Released)],
                },
                stop);

            return null;
        }

        return await items.BuildAsync(claimed, text, stop);
    }

    private async Task<IReadOnlyList<TaskRow>> CandidatesAsync(WorkflowKey workflow, CancellationToken stop)
    {
        await using var command = journal.Command(
            $"""
            select {TaskRows.Columns} from orchestrator.task t
            where t.tenant_id = $1 and t.workflow = $2 and t.workflow_version = $3 and t.state = 1
            order by t.created_at limit {CandidatesMax}
            """,
            workflow.Tenant,
            workflow.Workflow,
            workflow.Version);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var tasks = new List<TaskRow>();

        while (await rows.ReadAsync(stop))
        {
            tasks.Add(TaskRows.Read(rows));
        }

        return tasks;
    }
}
