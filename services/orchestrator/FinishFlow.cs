using System.Collections.Immutable;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.Orchestrator.Recovery;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator;

/// <summary>Ends an agent's work on a task: done, failed, waiting, or given back.</summary>
/// <remarks>
/// A task never ends over a call that is under way: it is waited for, or cut off where nothing was sent yet. Once a task has
/// ended nobody looks at its calls again, except a person at those whose outcome is recorded as unknown.
/// </remarks>
internal sealed class FinishFlow(
    JournalStore journal, Catalog catalog, OpenCalls openCalls, WorkOffers offers, TaskSignals signals, TimeProvider clock)
{
    // One is enough unless calls are still under way, or others write to the task at the same moment.
    private const int PassesMax = 10;

    public async Task<MeshError?> RunAsync(AgentIdentity agent, ClaimToken claim, WorkEnd end, CancellationToken stop)
    {
        var key = new TaskKey(agent.Workflow.Tenant, claim.TaskId);

        for (var pass = 1; pass <= PassesMax; pass++)
        {
            var (error, isOver) = await TryAsync(key, agent, claim, end, stop);

            if (isOver)
            {
                return error;
            }
        }

        return new MeshError(StatusCode.Unavailable, Reason.Overloaded, "The task kept moving under this request. Try again.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    /// <summary>Gives the task back: another agent gets it at once.</summary>
    public async Task ReleaseAsync(AgentIdentity agent, string claim)
    {
        var token = ClaimToken.Parse(claim)!;
        await EndClaimAsync(new TaskKey(agent.Workflow.Tenant, token.TaskId), token, new TaskClaimEnded(ClaimEnd.Released), null, CancellationToken.None);
    }

    /// <summary>Stops the task for a person to look at.</summary>
    public Task ParkForAttentionAsync(AgentIdentity agent, ClaimToken claim, Reason reason, string message) => EndClaimAsync(
        new TaskKey(agent.Workflow.Tenant, claim.TaskId),
        claim,
        new TaskParked(new Wait.Attention(reason.Name()), message),
        null,
        CancellationToken.None);

    private async Task<(MeshError? Error, bool IsOver)> TryAsync(
        TaskKey key, AgentIdentity agent, ClaimToken claim, WorkEnd end, CancellationToken stop)
    {
        var asked = end is WorkEnd.Completed completed ? completed.Asked : ImmutableDictionary<string, int>.Empty;
        var (task, version, skipped) = await journal.ReadWithSkippedStepAsync(key, claim, asked, stop);

        // Before anything is told about the task: another workflow's agent, or one that made its claim up, learns nothing.
        if (task is null || task.WorkflowKey != agent.Workflow)
        {
            return (ClaimLost(), true);
        }

        // A repeat after the answer was lost: it is finished already.
        if (task.ClaimHash is null && task.EndedClaimHash is { } ended && ended.AsSpan().SequenceEqual(claim.Hash))
        {
            return (null, true);
        }

        if (!task.IsHeldBy(claim.Hash))
        {
            return (ClaimLost(), true);
        }

        using var trace = MeshTraces.StartIn(MeshSemantics.Orchestrator, task.Traceparent).Of(key.Tenant, key.Id)?.SetTag(MeshSemantics.Outcome, end.GetType().Name);

        if (skipped is not null)
        {
            var message = $"The handler finished without asking for the recorded step {skipped}.";
            await ParkForAttentionAsync(agent, claim, Reason.HandlerChanged, message);

            return (new MeshError(StatusCode.FailedPrecondition, Reason.HandlerChanged, message), true);
        }

        if (end is WorkEnd.Waiting { On: var on } && !await journal.HasEverWaitedAsync(key, on, stop))
        {
            return (Refusals.Invalid("waits_on", "must be what CallTool answered in `waiting` for a call of this task").Error, true);
        }

        var workflow = await catalog.FindAsync(agent.Workflow, stop);

        return await EndClaimAsync(key, claim, FactOf(end, task, workflow?.Manifest.Limits.Attempts ?? 1), version, stop) switch
        {
            JournalAnswer.Written => (null, true),

            // Perhaps a step was recorded meanwhile that the handler never asked for, or somebody asked for the task's end, or
            // it has ended: what was remembered is corrected now, and tells a repeat from a replaced agent.
            JournalAnswer.TaskMoved or JournalAnswer.ClaimLost => (null, false),
            JournalAnswer.CallOpen when await openCalls.CloseAsync(task, stop) is { } open => (open, true),
            JournalAnswer.CallOpen => (null, false),
            var refused => (JournalRefusals.Explain(refused), true),
        };
    }

    private async Task<JournalAnswer> EndClaimAsync(TaskKey key, ClaimToken claim, Fact fact, uint? version, CancellationToken stop)
    {
        var answer = await journal.AppendAsync(
            new JournalWrite { Task = key, Fence = new Fence.Claim(claim.Hash), Facts = [fact], VersionSeen = version }, stop);

        if (answer is JournalAnswer.Written { Task: var task })
        {
            signals.Raise(key, fact is TaskFinished finished ? new TaskEnd(task, finished) : null);

            if (task.State == TaskState.Ready)
            {
                offers.Stir(task.WorkflowKey);
            }
        }

        return answer;
    }

    private Fact FactOf(WorkEnd end, TaskRow task, int attemptsMax) => end switch
    {
        _ when task.CancelRequested => new TaskFinished(TaskOutcome.Cancelled, default, task.Reason, task.Message, ""),
        WorkEnd.Completed completed => new TaskFinished(TaskOutcome.Completed, completed.Result, "", "", ""),
        WorkEnd.Failed failed => FactOf(failed, task, attemptsMax),
        WorkEnd.Waiting { On: Wait.Approval approval } => new TaskParked(approval, $"Waits for the approval {approval.Id}."),
        WorkEnd.Waiting { On: Wait.Settlement settlement } => new TaskParked(
            settlement, $"The outcome of {settlement.Step} is unknown; a person has to look at the target, then say so with: mesh task settle"),
        WorkEnd.Released => new TaskClaimEnded(ClaimEnd.Released),
        _ => throw new InvalidOperationException($"Work cannot end as {end}."),
    };

    private Fact FactOf(WorkEnd.Failed failed, TaskRow task, int attemptsMax)
    {
        var reason = ReasonNames.Parse(failed.Reason);

        if (reason is Reason.HandlerChanged)
        {
            return new TaskParked(new Wait.Attention(failed.Reason), failed.Message);
        }

        if (failed.Retry && task.Failures + 1 < attemptsMax)
        {
            var backoff = TimeSpan.FromSeconds(Math.Min(1 << Math.Min(task.Failures, 8), 300));

            return new TaskParked(new Wait.Until(clock.GetUtcNow() + backoff), failed.Message);
        }

        var outcome = reason is Reason.PolicyDenied or Reason.LimitExceeded or Reason.ApprovalExpired ? TaskOutcome.Denied : TaskOutcome.Failed;

        return new TaskFinished(outcome, default, failed.Reason, failed.Message, "");
    }

    private static MeshError ClaimLost() => JournalRefusals.Explain(new JournalAnswer.ClaimLost());
}
