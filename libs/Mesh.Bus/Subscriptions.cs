using Mesh.Facts.V1;
using Mesh.Orchestrator.V1;

namespace Mesh.Bus;

/// <summary>Who consumes what, in the whole mesh.</summary>
/// <remarks>
/// All of it is made known to the bus before the first message leaves: what is sent while only one of its consumers is known would be
/// lost for the others, and nobody would miss it.
/// </remarks>
public static class Subscriptions
{
    /// <summary>The orchestrator's consumer of webhooks, which a broker alone brings.</summary>
    public const string Webhooks = "webhooks";

    /// <summary>The types of each consumer, by the full names of their messages.</summary>
    public static IReadOnlyDictionary<string, string[]> All { get; } = new Dictionary<string, string[]>
    {
        ["audit"] = [TaskFactBatch.Descriptor.FullName, GovernanceFactBatch.Descriptor.FullName, CustodyFactBatch.Descriptor.FullName],
        ["orchestrator"] = [GovernanceFactBatch.Descriptor.FullName],
        ["policy"] = [CallOutcome.Descriptor.FullName],

        // What ingress took while no orchestrator answered. A consumer of its own: what waits for policy here holds up no approval.
        [Webhooks] = [SubmitWebhookRequest.Descriptor.FullName],
    };
}
