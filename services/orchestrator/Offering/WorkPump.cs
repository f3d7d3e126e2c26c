using System.Collections.Concurrent;
using System.Diagnostics;
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
    : IHostedService, IDisposable
{
    private const int CandidatesMax = 64;

    // More than there is room for: the first ones may be kept back by the vault.
    private const int SpareCandidates = 8;
    private const int FencedMax = 10_000;
    private const int Stirred = 1;
    private const int StirredAgain = 2;

    // One look at a time for each workflow version, and none that waits for another's: a vault that does not answer one
    // takeover stops nobody else.
    private readonly ConcurrentDictionary<WorkflowKey, int> looks = new();
    private readonly ConcurrentDictionary<Task, bool> pumping = new();
    private readonly ConcurrentDictionary<TaskKey, long> fenced = new();
    private readonly CancellationTokenSource stopping = new();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        offers.Stirred += Stir;

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        offers.Stirred -= Stir;
        await stopping.CancelAsync();
        await Task.WhenAll(pumping.Keys).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => stopping.Dispose();

    private void Stir(WorkflowKey workflow)
    {
        if (looks.AddOrUpdate(workflow, Stirred, (_, _) => StirredAgain) == Stirred)
        {
            var pump = Task.Run(() => PumpUntilQuietAsync(workflow, stopping.Token));
            pumping[pump] = true;
            _ = pump.ContinueWith(over => pumping.TryRemove(over, out _), TaskScheduler.Default);
        }
    }

    private async Task PumpUntilQuietAsync(WorkflowKey workflow, CancellationToken stop)
    {
        // A look at the backlog belongs to no trace of whoever stirred.
        Activity.Current = null;

        do
        {
            // What stirs from here on needs another look.
            looks[workflow] = Stirred;
            await PumpAsync(workflow, stop);
        }
        while (!looks.TryRemove(KeyValuePair.Create(workflow, Stirred)));
    }

    private async Task PumpAsync(WorkflowKey workflow, CancellationToken stop)
    {
        try
        {
            var room = Math.Min(offers.RoomFor(workflow), CandidatesMax);

            // Nobody waits for it here: perhaps no agent runs yet.
            if (room == 0)
            {
                assignments.Stir();
                offers.Pass(workflow);

                return;
            }

            offers.BeginLook(workflow);
            var page = Math.Min(room + SpareCandidates, CandidatesMax);
            var results = await Task.WhenAll((await CandidatesAsync(workflow, page, stop)).Select(task => HandOutAsync(task, stop)));

            if (results.Length == page || results.Any(result => result != HandOut.Done))
            {
                offers.Remain(workflow);
            }

            // More may be waiting than one look brings, another replica was faster, or only the fence was missing. Once nobody waits here
            // any more, the next look passes it on. What the vault keeps from being handed out is no reason to look again at once.
            if (results.Any(result => result is HandOut.TakenByAnother or HandOut.Fenced or HandOut.NobodyWaits) || (results.Length == page && results.Contains(HandOut.Done)))
            {
                Stir(workflow);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The service stops.
        }
        catch (Exception error)
        {
            // The shared loop looks again soon; one bad look must not end all of them.
            offers.Remain(workflow);
            log.BacklogUnreadable(workflow.Workflow, error);
        }
    }

    private async Task<HandOut> HandOutAsync(TaskRow task, CancellationToken stop)
    {
        // Somebody held it before: whatever that agent's calls still have in their hands is worthless before another one acts. It is
        // nobody's now, so nothing is lost when it cannot be claimed after that. No poll is held while the vault is asked.
        if (task.Epoch > 0 && !(fenced.TryGetValue(task.Key, out var epoch) && epoch == task.Epoch))
        {
            if (await tools.FenceTaskAsync(task.Key, task.Epoch + 1, stop) is { } unfenced)
            {
                log.TakeoverUnfenced(task.Key.Id, unfenced.Reason.ToString());

                return HandOut.Unfenced;
            }

            Remember(task);
        }

        if (offers.TryReserve(task.WorkflowKey) is not { } poll)
        {
            return task.Epoch > 0 ? HandOut.Fenced : HandOut.NobodyWaits;
        }

        try
        {
            if (await ClaimAsync(task, poll.Agent, stop) is { } item)
            {
                fenced.TryRemove(task.Key, out _);
                poll.Deliver(item);

                return HandOut.Done;
            }

            offers.GiveBack(poll);
        }
        catch
        {
            offers.GiveBack(poll);
            throw;
        }

        return HandOut.TakenByAnother;
    }

    // A fence stays: the next look need not ask for it again, and so is not late for every poll of a busy workflow.
    private void Remember(TaskRow task)
    {
        if (fenced.Count >= FencedMax)
        {
            fenced.Clear();
        }

        fenced[task.Key] = task.Epoch;
    }

    private async Task<V1.WorkItem?> ClaimAsync(TaskRow task, AgentIdentity agent, CancellationToken stop)
    {
        using var trace = WorkItems.Trace(task);

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

        return answer is JournalAnswer.Written { Task: var claimed } ? await items.BuildAsync(claimed, text, trace, stop) : null;
    }

    // What is to end is nobody's work any more.
    internal static readonly string Candidates =
        $"""
        select {TaskRows.Columns} from orchestrator.task t
        where t.tenant_id = $1 and t.workflow = $2 and t.workflow_version = $3 and t.state = {(short)TaskState.Ready}
          and not t.cancel_requested and t.deadline > now()
        order by t.created_at limit $4
        """;

    private Task<IReadOnlyList<TaskRow>> CandidatesAsync(WorkflowKey workflow, int atMost, CancellationToken stop) =>
        journal.ReadTasksAsync(Candidates, stop, workflow.Tenant, workflow.Workflow, workflow.Version, atMost);

    /// <summary>What came of one ready task in a look.</summary>
    private enum HandOut
    {
        Done,
        NobodyWaits,

        /// <summary>It can be claimed now, but nobody waited any more.</summary>
        Fenced,
        Unfenced,
        TakenByAnother,
    }
}
