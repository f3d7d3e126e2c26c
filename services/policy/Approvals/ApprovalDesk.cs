using System.Collections.Immutable;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Approvals;

/// <summary>Where people decide. Whoever decides was verified by their own token, for this very request.</summary>
internal sealed class ApprovalDesk(NpgsqlDataSource store, ApprovalStore approvals, OutboxSignal outbox, ILogger<ApprovalDesk> log)
{
    public async Task<DeskAnswer> DecideAsync(Guid id, Principal voter, Ballot ballot, CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);

        // Locked: of two people who decide at once, the second sees what the first did.
        if (await ApprovalStore.FindAsync(transaction, ballot.Tenant, id, stop) is not { } approval)
        {
            return new DeskAnswer.NotFound();
        }

        if (IsRepeated(voter, ballot, approval))
        {
            return new DeskAnswer.Done(approval);
        }

        if (Refusal(voter, ballot, approval) is { } refusal)
        {
            return refusal;
        }

        if (approval.IsOverdue)
        {
            approval = await approvals.ExpireAsync(transaction, approval, "Nobody decided in time.", stop);
            await transaction.CommitAsync(stop);
            outbox.Raise();
            return new DeskAnswer.TooLate(approval);
        }

        var person = new PersonsDecision(
            voter.Id,
            [.. voter.Groups.Where(group => group.Tenant == ballot.Tenant).Select(group => group.Name)],
            ballot.RequestId,
            ballot.Reason);
        var decided = await approvals.DecideAsync(transaction, approval, ballot.Decision, person, stop);
        await transaction.CommitAsync(stop);
        outbox.Raise();
        log.ApprovalDecided(decided.Id, decided.Tenant, decided.State.Word(), decided.DecidedBy!);
        return new DeskAnswer.Done(decided);
    }

    /// <summary>The same person says the same again: the answer was lost on its way.</summary>
    private static bool IsRepeated(Principal voter, Ballot ballot, Approval approval) =>
        ballot.RequestId.Length > 0
        && approval.DecidedRequest == ballot.RequestId
        && approval.DecidedBy == voter.Id
        && (ballot.Decision == ApprovalEvent.Deny) == (approval.State == ApprovalState.Denied);

    // Who may not decide at all learns nothing about how it was decided.
    private static DeskAnswer? Refusal(Principal voter, Ballot ballot, Approval approval) => true switch
    {
        _ when voter.Kind != PrincipalKind.Person => new DeskAnswer.NotAPerson(),
        _ when !approval.Groups.Any(group => voter.IsMember(ballot.Tenant, group)) => new DeskAnswer.NotInGroup(approval.Groups),
        _ when approval.ExcludesInitiator && approval.Initiator == $"person:{voter.Id}" => new DeskAnswer.OwnRequest(),
        _ when approval.State == ApprovalState.Expired => new DeskAnswer.TooLate(approval),
        _ when !approval.State.Allows(ballot.Decision) => new DeskAnswer.Decided(approval),
        _ when ballot.Etag.Length > 0 && ballot.Etag != approval.Etag() => new DeskAnswer.Decided(approval),
        _ => null,
    };
}

/// <summary>What somebody says about an approval. Who they are does not come from here.</summary>
internal sealed record Ballot(string Tenant, string ApprovalId, ApprovalEvent Decision, string Etag, string RequestId, string Reason);

/// <summary>What became of it.</summary>
internal abstract record DeskAnswer
{
    internal sealed record Done(Approval Approval) : DeskAnswer;

    internal sealed record NotFound : DeskAnswer;

    internal sealed record NotAPerson : DeskAnswer;

    internal sealed record NotInGroup(ImmutableArray<string> Groups) : DeskAnswer;

    internal sealed record OwnRequest : DeskAnswer;

    internal sealed record TooLate(Approval Approval) : DeskAnswer;

    /// <summary>Somebody was first, or the approval is not as the person saw it.</summary>
    internal sealed record Decided(Approval Approval) : DeskAnswer;
}
