using System.Collections.Immutable;
using Mesh.Errors.V1;
using Mesh.Policy.Approvals;
using Mesh.Policy.Evaluation;
using Mesh.Policy.Limits;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy;

/// <summary>Takes what an action needs before it may go: room in limits, and a person's approval. One transaction, or nothing.</summary>
internal sealed class Settlement(NpgsqlDataSource store, ApprovalStore approvals, OutboxSignal outbox, TimeProvider clock)
{
    private const int AttemptsMax = 4;

    public async Task<Settled> SettleAsync(EvaluatedAction action, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TrySettleAsync(action, stop);
            }
            catch (PostgresException race) when (StoreErrors.IsLostRace(race) && attempt < AttemptsMax)
            {
                // Gave way to outcomes that are being counted. Nothing was taken; the same again finds them counted.
            }
        }
    }

    private async Task<Settled> TrySettleAsync(EvaluatedAction action, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // All questions about one action wait for each other here, so the second finds what the first took.
        await ApprovalStore.LockActionAsync(transaction, action.Request.Tenant, action.Digest, stop);
        var rooms = await LimitCounters.MeasureAsync(transaction, action.Request.Tenant, action.Digest, action.Request.Dispatch, LimitsOf(action.Verdict), stop);
        LimitMetrics.Measured(rooms);

        if (rooms.FirstOrDefault(room => room.IsExceeded && room.Use.Limit.OnExceed == OnExceed.Deny) is { } usedUp)
        {
            return new Settled.Refused(Reason.LimitExceeded, $"The limit {usedUp.Use.Limit.Id} is used up: {usedUp.Use.Limit.Max} within {usedUp.Use.Limit.Window}.");
        }

        var exceeded = rooms.Where(room => room.IsExceeded).ToImmutableArray();
        var wanted = exceeded.Aggregate((action.Verdict as Verdict.NeedsApproval)?.Approval, (all, room) => all?.And(room.Use.Limit.Approval) ?? room.Use.Limit.Approval);
        var approval = await ApprovalStore.FindAsync(transaction, action.Request.Tenant, action.Digest, stop);

        // Stricter than what was approved: the old answer is to another question.
        if (approval is not null && wanted is not null && IsOutgrown(approval, wanted))
        {
            await approvals.ExpireAsync(transaction, approval, "The policy became stricter; it has to be approved again.", stop);
            approval = null;
        }

        var settled = (approval, wanted) switch
        {
            // Once a person was asked, the person's answer counts, also when a limit has room again.
            (not null, _) => await UseAsync(transaction, action, approval, rooms, stop),
            (null, null) => await TakeAsync(transaction, action, rooms, null, stop),
            (null, { Groups.IsEmpty: true }) => new Settled.Refused(Reason.PolicyDenied, $"The approvals {wanted.Id} have no group in common, so nobody could give them."),
            (null, not null) => await AskAsync(transaction, action, wanted, [.. exceeded.Select(room => room.Use.Limit.Id)], stop),
        };

        await transaction.CommitAsync(stop);
        outbox.Raise();
        return settled;
    }

    private async Task<Settled> UseAsync(
        NpgsqlTransaction transaction, EvaluatedAction action, Approval approval, ImmutableArray<LimitRoom> rooms, CancellationToken stop)
    {
        var dispatch = action.Request.Dispatch;

        switch (approval.State)
        {
            case ApprovalState.Denied:
                return new Settled.Refused(Reason.PolicyDenied, $"{approval.DecidedBy} denied it: {approval.Reason}");

            case ApprovalState.Expired:
                return new Settled.Refused(Reason.ApprovalExpired, "The approval expired before it was used.");

            // A repeated question about a dispatch that has used it: the same answer, and nothing is taken again. Not once its
            // time is over: what was signed before is good for its minute, and nothing more is signed.
            case ApprovalState.Consumed when dispatch <= approval.ConsumedDispatch:
                return approval.IsOverdue
                    ? new Settled.Refused(Reason.ApprovalExpired, "The approval was used, and has expired since.")
                    : await TakeAsync(transaction, action, rooms, approval.Id, stop);

            case var _ when approval.IsOverdue:
                await approvals.ExpireAsync(transaction, approval, "Nobody used it in time.", stop);
                return new Settled.Refused(Reason.ApprovalExpired, "The approval expired before it was used.");

            case ApprovalState.Pending:
                return new Settled.Waiting(approval, approval.ExpiresAt - clock.GetUtcNow());

            default:
                await ApprovalStore.ConsumeAsync(transaction, approval, dispatch, stop);
                return await TakeAsync(transaction, action, rooms, approval.Id, stop);
        }
    }

    private static async Task<Settled> TakeAsync(
        NpgsqlTransaction transaction, EvaluatedAction action, ImmutableArray<LimitRoom> rooms, Guid? approval, CancellationToken stop)
    {
        await LimitCounters.ReserveAsync(transaction, action.Request.Tenant, action.Digest, action.Request.Dispatch, rooms, stop);
        return new Settled.Taken(IsReserved: !rooms.IsEmpty, approval);
    }

    private async Task<Settled> AskAsync(
        NpgsqlTransaction transaction, EvaluatedAction action, ApprovalRule wanted, ImmutableArray<string> limits, CancellationToken stop)
    {
        var request = action.Request;
        var shown = new ShownAction
        {
            Description = action.Tool.Tool.Description,
            Target = action.Tool.Integration.BaseUrl,
            Classes = [.. action.Tool.Classes.Order(StringComparer.Ordinal)],
            Arguments = request.Arguments.ToArray(),
        };
        var approval = new Approval
        {
            Id = Guid.CreateVersion7(),
            Tenant = request.Tenant,
            Action = action.Digest,
            State = ApprovalState.Pending,
            Task = request.Task,
            Workflow = request.Workflow,
            Step = request.Step,
            Tool = request.Tool,
            Shown = shown.ToCanonical(action.Digest, request.Tenant, request.Tool, request.Initiator),
            Groups = wanted.Groups,
            Rules = [.. action.Verdict.Grounds.Deciding, .. limits],
            ExcludesInitiator = wanted.ExcludesInitiator,
            Initiator = request.Initiator,
            ExpiresAt = clock.GetUtcNow() + wanted.ExpiresAfter,
        };
        await approvals.CreateAsync(transaction, approval, stop);
        return new Settled.Waiting(approval, wanted.ExpiresAfter);
    }

    /// <summary>Whether whoever approved, or may approve, could not do so under what policy wants now.</summary>
    private static bool IsOutgrown(Approval approval, ApprovalRule wanted) => approval.State switch
    {
        ApprovalState.Pending => !approval.Groups.All(wanted.Groups.Contains) || (wanted.ExcludesInitiator && !approval.ExcludesInitiator),
        ApprovalState.Approved or ApprovalState.Consumed =>
            !approval.DecidedGroups.Any(wanted.Groups.Contains) || (wanted.ExcludesInitiator && approval.Initiator == $"person:{approval.DecidedBy}"),
        _ => false,
    };

    private static ImmutableArray<LimitUse> LimitsOf(Verdict verdict) => verdict switch
    {
        Verdict.Permitted permitted => permitted.Limits,
        Verdict.NeedsApproval needs => needs.Limits,
        _ => [],
    };
}
