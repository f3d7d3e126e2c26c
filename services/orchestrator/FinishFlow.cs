using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Intake;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator;

/// <summary>Ends an agent's work on a task: done, failed, waiting, or given back.</summary>
internal sealed class FinishFlow(JournalStore journal, Catalog catalog, WorkOffers offers, TaskSignals signals, TimeProvider clock)
{
    private const int ResultBytesMax = 256 * 1024;
    private const int MessageCharsMax = 4 * 1024;
    private const int ReasonCharsMax = 63;

    public async Task<MeshError?> RunAsync(
        AgentIdentity agent, ClaimToken claim, V1.FinishWorkRequest request, CancellationToken stop)
    {
        var key = new TaskKey(agent.Workflow.Tenant, claim.TaskId);

        if (await journal.ReadTaskAsync(key, stop) is not { } task)
        {
            return JournalRefusals.Explain(new JournalAnswer.ClaimLost());
        }

        // A repeat after the answer was lost: it is finished already.
        if (task.ClaimHash is null && task.EndedClaimHash is { } ended && ended.AsSpan().SequenceEqual(claim.Hash))
        {
            return null;
        }

        if (request.OutcomeCase == V1.FinishWorkRequest.OutcomeOneofCase.Completed
            && await SkippedStepAsync(key, request, stop) is { } skipped)
        {
            var message = $"The handler finished without asking for the recorded step {skipped}.";
            await ParkForAttentionAsync(agent, claim, Reason.HandlerChanged.Name(), message);

            return new MeshError(StatusCode.FailedPrecondition, Reason.HandlerChanged, message);
        }

        var workflow = await catalog.FindAsync(agent.Workflow, stop);
        var fact = FactOf(request, task, workflow?.Manifest.Limits.Attempts ?? 1);

        return await EndAsync(key, agent, claim, fact, stop);
    }

    /// <summary>Gives the task back: another agent gets it at once.</summary>
    public async Task ReleaseAsync(AgentIdentity agent, string claim)
    {
        var token = ClaimToken.Parse(claim)!;
        await EndAsync(
            new TaskKey(agent.Workflow.Tenant, token.TaskId), agent, token, new TaskClaimEnded(ClaimEnd.Released), CancellationToken.None);
    }

    /// <summary>Stops the task for a person to look at.</summary>
    public Task ParkForAttentionAsync(AgentIdentity agent, ClaimToken claim, string reason, string message) => EndAsync(
        new TaskKey(agent.Workflow.Tenant, claim.TaskId),
        agent,
        claim,
        new TaskParked(new Wait.Attention(reason), message),
        CancellationToken.None);

    private async Task<MeshError?> EndAsync(TaskKey key, AgentIdentity agent, ClaimToken claim, Fact fact, CancellationToken stop)
    {
        var answer = await journal.AppendAsync(
            new JournalWrite { Task = key, Fence = new Fence.Claim(claim.Hash), Facts = [fact] }, stop);

        if (answer is not JournalAnswer.Written { Task: var task })
        {
            return JournalRefusals.Explain(answer);
        }

        signals.Raise(key);

        if (task.State == TaskState.Ready)
        {
            offers.Stir(agent.Workflow);
        }

        return null;
    }

    private Fact FactOf(V1.FinishWorkRequest request, TaskRow task, int attemptsMax) => request.OutcomeCase switch
    {
        _ when task.CancelRequested => new TaskFinished(TaskOutcome.Cancelled, default, task.Reason, task.Message, ""),
        V1.FinishWorkRequest.OutcomeOneofCase.Completed => new TaskFinished(
            TaskOutcome.Completed, ReadResult(request.Completed.Span), "", "", ""),
        V1.FinishWorkRequest.OutcomeOneofCase.Failed => Failed(request.Failed, task, attemptsMax),
        V1.FinishWorkRequest.OutcomeOneofCase.WaitsOn => ReadWait(request.WaitsOn),
        V1.FinishWorkRequest.OutcomeOneofCase.Released => new TaskClaimEnded(ClaimEnd.Released),
        _ => throw Refusals.Invalid("outcome", "must say how the work ended"),
    };

    private Fact Failed(V1.WorkFailed failed, TaskRow task, int attemptsMax)
    {
        if (failed.Reason.Length > ReasonCharsMax || failed.Reason.Any(c => !char.IsAsciiLetterUpper(c) && !char.IsAsciiDigit(c) && c != '_'))
        {
            throw Refusals.Invalid("failed.reason", $"must be UPPER_SNAKE_CASE of at most {ReasonCharsMax} characters, or empty");
        }

        // Cut rather than refused: it is whatever an exception said.
        var message = failed.Message.Replace("\0", "", StringComparison.Ordinal);
        message = message.Length <= MessageCharsMax ? message : message[..MessageCharsMax];

        if (failed.Reason == Reason.HandlerChanged.Name())
        {
            return new TaskParked(new Wait.Attention(failed.Reason), message);
        }

        if (failed.Retry && task.Failures + 1 < attemptsMax)
        {
            var backoff = TimeSpan.FromSeconds(Math.Min(1 << Math.Min(task.Failures, 8), 300));

            return new TaskParked(new Wait.Until(clock.GetUtcNow() + backoff), message);
        }

        var isDenied = failed.Reason is "POLICY_DENIED" or "LIMIT_EXCEEDED" or "APPROVAL_EXPIRED" or "APPROVAL_DENIED";

        return new TaskFinished(isDenied ? TaskOutcome.Denied : TaskOutcome.Failed, default, failed.Reason, message, "");
    }

    private static TaskParked ReadWait(string name) => name.Split(':', 2) switch
    {
        ["approval", { Length: > 0 and <= 64 } id] => new TaskParked(new Wait.Approval(id), $"Waits for the approval {id}."),
        ["settlement", var step] => new TaskParked(
            new Wait.Settlement(Wire.ReadStep(step).Value), $"The outcome of {step} is unknown; a person has to look at the target, then say so with: mesh task settle"),
        _ => throw Refusals.Invalid("waits_on", "must be what CallTool answered in `waiting`"),
    };

    private static ReadOnlyMemory<byte> ReadResult(ReadOnlySpan<byte> result) =>
        CanonicalJson.TryCanonicalize(result, out var canonical, out var refusal, ResultBytesMax)
            ? canonical
            : throw new MeshError(
                StatusCode.InvalidArgument,
                refusal!.Reason == JsonRefusalReason.TooLarge ? Reason.PayloadTooLarge : Reason.JsonRefused,
                $"The result was refused: {refusal}; it may be {ResultBytesMax} bytes.").AsException();

    // The first recorded step, if any, that the handler did not ask for in a branch that it reports on.
    private async Task<string?> SkippedStepAsync(TaskKey key, V1.FinishWorkRequest request, CancellationToken stop)
    {
        if (request.Positions.Count == 0)
        {
            return null;
        }

        await using var command = journal.Command(
            """
            select j.step from orchestrator.journal j
            left join unnest($3, $4) as k(branch, asked) on k.branch = j.branch
            where j.tenant_id = $1 and j.task_id = $2 and j.position is not null and j.position >= coalesce(k.asked, 0)
            order by j.seq limit 1
            """,
            key.Tenant,
            key.Id,
            request.Positions.Keys.ToArray(),
            request.Positions.Values.ToArray());

        return await command.ExecuteScalarAsync(stop) as string;
    }
}
