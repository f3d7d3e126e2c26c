using System.Collections.Immutable;
using Mesh.Errors.V1;
using Mesh.Policy.Evaluation;

namespace Mesh.Policy;

/// <summary>What policy answers about one dispatch of one action.</summary>
internal abstract record Answer(Grounds Grounds)
{
    /// <summary>It may be dispatched now.</summary>
    /// <param name="Grounds">Why.</param>
    /// <param name="DecisionId">Names the decision in the audit log.</param>
    /// <param name="Note">The signed decision.</param>
    /// <param name="IsReserved">A limit is held for it, and its outcome must be told.</param>
    /// <param name="Approval">The approval that it uses; null for none.</param>
    internal sealed record Permitted(Grounds Grounds, Guid DecisionId, byte[] Note, bool IsReserved, Guid? Approval) : Answer(Grounds);

    internal sealed record Denied(Grounds Grounds, Reason Reason, string Message) : Answer(Grounds);

    internal sealed record NeedsApproval(Grounds Grounds, Guid Approval, ImmutableArray<string> Groups, TimeSpan ExpiresIn, string Message) : Answer(Grounds);
}
