namespace Mesh.Orchestrator.Decisions;

/// <summary>What policy answered. Silence is not among them: it is never recorded.</summary>
internal abstract record Decision(Explanation Why)
{
    /// <summary>May be dispatched, once, within a minute: the note says what and under which number.</summary>
    internal sealed record Permitted(
        Explanation Why, string DecisionId, ReadOnlyMemory<byte> Note, bool Reserved, string ApprovalId) : Decision(Why);

    internal sealed record Denied(Explanation Why, string Reason, string Message) : Decision(Why);

    internal sealed record NeedsApproval(Explanation Why, string ApprovalId, string Message) : Decision(Why);
}

/// <summary>Why, in terms of the policy.</summary>
internal sealed record Explanation(string PolicySetDigest, IReadOnlyList<string> Rules, string DecidedBy, bool Degraded);
