using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>Whether policy has signed exactly what an intent says.</summary>
/// <param name="domain">The installation.</param>
/// <param name="trusted">The public keys of policy that count now.</param>
/// <param name="clock">Decides whether a decision has expired.</param>
internal sealed class DecisionCheck(string domain, Func<IReadOnlyList<NoteVerifier>> trusted, TimeProvider clock)
{
    /// <summary>The decision of an intent; null when it is not policy's, not of now, or for something else.</summary>
    public DecisionTicket? Open(Intent intent) =>
        DecisionTicket.TryVerify(intent.Decision, trusted(), out var decision, out _)
        && decision.Domain == domain
        && decision.Tenant == intent.Tenant
        && decision.Workflow == intent.Workflow
        && decision.Task == intent.Task
        && decision.Tool == intent.Tool
        && decision.Classes.ToHashSet(StringComparer.Ordinal).SetEquals(intent.Classes)
        && decision.Action == intent.Action
        && decision.Dispatch == intent.Dispatch
        && decision.Epoch == intent.Epoch
        && !decision.IsExpired(clock.GetUtcNow())
            ? decision
            : null;
}
