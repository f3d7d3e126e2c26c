using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;

namespace Mesh.Orchestrator.Recovery;

/// <summary>
/// The one loop that looks by the clock: claims that ran out, waits whose time has come, tasks past their deadline, tasks
/// to cancel that nobody works on, and work that another replica left ready. One statement a second, whatever there is.
/// </summary>
internal sealed class SharedLoop(
    JournalStore journal,
    Catalog catalog,
    ClaimKeeper claims,
    TaskEnder ender,
    WorkOffers offers,
    TaskSignals signals,
    TimeProvider clock,
    ILogger<SharedLoop> log) : BackgroundService
{
    private const int TasksMax = 200;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // Jitter, so that replicas do not look in step.
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(900, 1_100)), clock, stoppingToken);

            try
            {
                foreach (var task in await DueAsync(stoppingToken))
                {
                    await TendAsync(task, stoppingToken);
                }
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // One failed look must not end all later ones.
                log.SharedLoopFailed(error);
            }
        }
    }

    private async Task TendAsync(TaskRow task, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        var key = new WorkflowKey(task.Key.Tenant, task.Workflow, task.WorkflowVersion);

        switch (task.State)
        {
            case TaskState.Running when task.ClaimUntil < now:
                var workflow = await catalog.FindAsync(key, stop);
                log.ClaimExpired(task.Key.Id, task.ClaimInstance ?? "");
                await claims.EndAsync(task, ClaimEnd.Expired, workflow?.Manifest.Limits.Attempts, stop);
                break;

            case TaskState.Running when task.Deadline < now && !task.CancelRequested:
                await ender.RequestAsync(task, "DEADLINE_EXCEEDED", "The task reached its workflow's limits.duration.", "mesh", stop);
                break;

            case not TaskState.Running when task.CancelRequested || task.Deadline < now:
                await ender.EndAsync(task, "DEADLINE_EXCEEDED", "The task reached its workflow's limits.duration.", "mesh", stop);
                break;

            case TaskState.BackingOff when task.NotBefore <= now:
                await ResumeAsync(task, key, stop);
                break;

            case TaskState.Ready:
                offers.Stir(key);
                break;
        }
    }

    private async Task ResumeAsync(TaskRow task, WorkflowKey key, CancellationToken stop)
    {
        var answer = await journal.AppendAsync(
            new JournalWrite
            {
                Task = task.Key,
                Fence = new Fence.Observed(task.Epoch, TaskState.BackingOff),
                Facts = [new TaskResumed("its time has come")],
            },
            stop);

        if (answer is JournalAnswer.Written)
        {
            signals.Raise(task.Key);
            offers.Stir(key);
        }
    }

    private async Task<IReadOnlyList<TaskRow>> DueAsync(CancellationToken stop)
    {
        var waitedFor = offers.WaitedFor();
        await using var command = journal.Command(
            $"""
            (select {TaskRows.Columns} from orchestrator.task t
              where t.state = 2 and (t.claim_until < clock_timestamp() or t.deadline < clock_timestamp()) limit {TasksMax})
            union all
            (select {TaskRows.Columns} from orchestrator.task t where t.state = 6 and t.not_before <= clock_timestamp() limit {TasksMax})
            union all
            (select {TaskRows.Columns} from orchestrator.task t
              where t.state < 7 and t.state <> 2 and (t.deadline < clock_timestamp() or t.cancel_requested) limit {TasksMax})
            union all
            (select {TaskRows.Columns} from unnest($1, $2, $3) as k(tenant_id, workflow, version) cross join lateral (
              select * from orchestrator.task r where r.tenant_id = k.tenant_id and r.workflow = k.workflow
                and r.workflow_version = k.version and r.state = 1 order by r.created_at limit 1) t)
            """,
            waitedFor.Select(key => key.Tenant).ToArray(),
            waitedFor.Select(key => key.Workflow).ToArray(),
            waitedFor.Select(key => key.Version).ToArray());
        await using var rows = await command.ExecuteReaderAsync(stop);
        var due = new List<TaskRow>();

        while (await rows.ReadAsync(stop))
        {
            due.Add(TaskRows.Read(rows));
        }

        return due;
    }
}
