using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;

namespace Mesh.Orchestrator.Recovery;

/// <summary>
/// The one loop that looks by the clock: claims that ran out, waits whose time has come, tasks past their deadline, tasks
/// to cancel that nobody works on, and work that another replica left ready. One statement, whatever there is.
/// </summary>
/// <remarks>What is found is done beside the loop. To end a task may take as long as its tool runs, so ends have places of their own.</remarks>
internal sealed class SharedLoop(
    JournalStore journal,
    ClaimKeeper claims,
    TaskEnder ender,
    WorkOffers offers,
    TaskSignals signals,
    Trim trim,
    TimeProvider clock,
    ILogger<SharedLoop> log) : BackgroundService
{
    private const int AtOnce = 16;
    private const int TasksMax = 200;

    // now() and not clock_timestamp(): only what is the same for the whole statement can be looked up in an index.
    internal static readonly string Due =
        $"""
        with recursive {TaskRows.WorkflowsWith("ready", TaskState.Ready)}
        (select {TaskRows.Columns} from orchestrator.task t
          where t.state = {(short)TaskState.Running} and t.id <> all($1)
            and (t.claim_until < now() or (t.deadline < now() and not t.cancel_requested))
          order by t.claim_until limit $2)
        union all
        (select {TaskRows.Columns} from orchestrator.task t
          where t.state = {(short)TaskState.BackingOff} and t.not_before <= now() and t.id <> all($1)
          order by t.not_before limit $2)
        union all
        (select {TaskRows.Columns} from orchestrator.task t
          where t.state < {(short)TaskState.Completed} and t.deadline < now() and t.state <> {(short)TaskState.Running} and t.id <> all($3)
          order by t.deadline limit $4)
        union all
        (select {TaskRows.Columns} from orchestrator.task t
          where t.state < {(short)TaskState.Completed} and t.cancel_requested and t.state <> {(short)TaskState.Running} and t.id <> all($3)
          order by t.deadline limit $4)
        union all
        (select {TaskRows.Columns} from ready k cross join lateral (
          select * from orchestrator.task r where r.tenant_id = k.tenant_id and r.workflow = k.workflow
            and r.workflow_version = k.workflow_version and r.state = {(short)TaskState.Ready}
            and not r.cancel_requested and r.deadline > now() order by r.created_at limit 1) t)
        """;

    private readonly TaskErrands upkeep = new(AtOnce, clock, log);
    private readonly TaskErrands endings = new(AtOnce, clock, log);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // Jitter, so that replicas do not look in step.
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1_800, 2_200)), clock, stoppingToken);

            try
            {
                foreach (var task in await DueAsync(stoppingToken))
                {
                    Tend(task, stoppingToken);
                }

                await trim.RunAsync(stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // One failed look must not end all later ones.
                log.SharedLoopFailed(error);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await upkeep.DisposeAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await endings.DisposeAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Tend(TaskRow task, CancellationToken stop)
    {
        var now = clock.GetUtcNow();

        switch (task.State)
        {
            case TaskState.Running when task.ClaimUntil < now:
                upkeep.Begin(task, cancel => ExpireAsync(task, cancel), stop);
                break;

            case TaskState.Running when task.Deadline < now && !task.CancelRequested:
                upkeep.Begin(task, cancel => RequestEndAsync(task, cancel), stop);
                break;

            case not TaskState.Running when task.CancelRequested || task.Deadline < now:
                endings.Begin(task, cancel => EndAsync(task, cancel), stop);
                break;

            case TaskState.BackingOff when task.NotBefore <= now:
                upkeep.Begin(task, cancel => ResumeAsync(task, cancel), stop);
                break;

            case TaskState.Ready:
                offers.Stir(task.WorkflowKey);
                break;
        }
    }

    private async Task<bool> ExpireAsync(TaskRow task, CancellationToken stop)
    {
        log.ClaimExpired(task.Key.Id, task.ClaimInstance ?? "");
        await claims.EndAsync(task, ClaimEnd.Expired, stop);

        return true;
    }

    private async Task<bool> RequestEndAsync(TaskRow task, CancellationToken stop)
    {
        await ender.RequestAsync(task, "DEADLINE_EXCEEDED", "The task reached its workflow's limits.duration.", "mesh", stop);

        return true;
    }

    private async Task<bool> EndAsync(TaskRow task, CancellationToken stop) =>
        await ender.EndAsync(task, "DEADLINE_EXCEEDED", "The task reached its workflow's limits.duration.", "mesh", stop) is not null;

    private async Task<bool> ResumeAsync(TaskRow task, CancellationToken stop)
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
            offers.Stir(task.WorkflowKey);
        }

        return true;
    }

    private Task<IReadOnlyList<TaskRow>> DueAsync(CancellationToken stop) => journal.ReadTasksAsync(
        Due, stop, upkeep.Busy(), Room(upkeep), endings.Busy(), Room(endings));

    // For each branch of the look that brings such errands: together they may bring more than there is room for, once.
    private static int Room(TaskErrands errands) => Math.Max(0, TasksMax - errands.UnderWay);
}
