using System.Collections.Immutable;
using Mesh.Integrity;

namespace Mesh.Policy.Evaluation;

/// <summary>What the rules alone say of a call. Limits and approvals are settled after it, in the store.</summary>
internal abstract record Verdict(Grounds Grounds)
{
    internal sealed record Denied(Grounds Grounds, string Message) : Verdict(Grounds);

    internal sealed record NeedsApproval(Grounds Grounds, ApprovalRule Approval, ImmutableArray<LimitUse> Limits) : Verdict(Grounds);

    internal sealed record Permitted(Grounds Grounds, ImmutableArray<LimitUse> Limits) : Verdict(Grounds);
}

/// <summary>Why, in terms of the policy.</summary>
/// <param name="PolicyDigest">The sets in force.</param>
/// <param name="Rules">The rules that matched, sorted.</param>
/// <param name="Deciding">Those of them whose effect won.</param>
/// <param name="DecidedBy">The rule that decided, <c>default</c>, or <c>floor</c>.</param>
/// <param name="IsDegraded">A rule failed to evaluate, and counted against the call.</param>
internal sealed record Grounds(ContentDigest PolicyDigest, ImmutableArray<string> Rules, ImmutableArray<string> Deciding, string DecidedBy, bool IsDegraded);

/// <summary>What one call takes from one limit.</summary>
/// <param name="Limit">The limit.</param>
/// <param name="Key">The values of its key, in the order of the limit's key attributes.</param>
/// <param name="Amount">1 for a count.</param>
internal sealed record LimitUse(LimitRule Limit, ImmutableArray<string> Key, long Amount);
