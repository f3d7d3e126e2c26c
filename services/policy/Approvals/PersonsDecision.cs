using System.Collections.Immutable;

namespace Mesh.Policy.Approvals;

/// <summary>Who decided an approval, and how they said so.</summary>
/// <param name="Person">The id of the person.</param>
/// <param name="Groups">The groups of the tenant that the person is in.</param>
/// <param name="RequestId">The caller's idempotency key; empty for none.</param>
/// <param name="Reason">A comment, or why it was denied.</param>
internal sealed record PersonsDecision(string Person, ImmutableArray<string> Groups, string RequestId, string Reason);
