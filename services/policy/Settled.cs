using Mesh.Errors.V1;
using Mesh.Policy.Approvals;

namespace Mesh.Policy;

/// <summary>What became of an action's wish for limits and approval.</summary>
internal abstract record Settled
{
    /// <summary>It has what it needs, durably.</summary>
    internal sealed record Taken(bool IsReserved, Guid? Approval) : Settled;

    /// <summary>A person is asked.</summary>
    internal sealed record Waiting(Approval Approval, TimeSpan ExpiresIn) : Settled;

    internal sealed record Refused(Reason Reason, string Message) : Settled;
}
