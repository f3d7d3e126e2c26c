using System.Diagnostics;

namespace Mesh.Policy.Approvals;

/// <summary>Where an approval stands.</summary>
internal enum ApprovalState
{
    Pending,
    Approved,
    Denied,
    Expired,
    Consumed,
}

/// <summary>What can happen to an approval.</summary>
internal enum ApprovalEvent
{
    Approve,
    Deny,
    Expire,
    Consume,
}

/// <summary>Every move that an approval can make. Nothing leads back, and nothing leaves denied or expired.</summary>
internal static class ApprovalMoves
{
    public static ApprovalState After(this ApprovalState state, ApprovalEvent happened) => Find(state, happened)
        ?? throw new UnreachableException($"An approval that is {state} cannot {happened}.");

    public static bool Allows(this ApprovalState state, ApprovalEvent happened) => Find(state, happened) is not null;

    public static string Word(this ApprovalState state) => state switch
    {
        ApprovalState.Pending => "pending",
        ApprovalState.Approved => "approved",
        ApprovalState.Denied => "denied",
        ApprovalState.Expired => "expired",
        ApprovalState.Consumed => "consumed",
        _ => throw new UnreachableException(),
    };

    public static ApprovalState Read(string word) => Enum.GetValues<ApprovalState>().First(state => state.Word() == word);

    private static ApprovalState? Find(ApprovalState state, ApprovalEvent happened) => (state, happened) switch
    {
        (ApprovalState.Pending, ApprovalEvent.Approve) => ApprovalState.Approved,
        (ApprovalState.Pending, ApprovalEvent.Deny) => ApprovalState.Denied,
        (ApprovalState.Pending, ApprovalEvent.Expire) => ApprovalState.Expired,
        (ApprovalState.Approved, ApprovalEvent.Consume) => ApprovalState.Consumed,
        (ApprovalState.Approved, ApprovalEvent.Expire) => ApprovalState.Expired,

        // The same action under its next dispatch number, after a dispatch that is known or feared to be lost.
        (ApprovalState.Consumed, ApprovalEvent.Consume) => ApprovalState.Consumed,
        (ApprovalState.Consumed, ApprovalEvent.Expire) => ApprovalState.Expired,
        _ => null,
    };
}
