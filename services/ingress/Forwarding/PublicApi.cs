using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Mesh.Ingress.Forwarding;

/// <summary>The services that strangers may call through ingress, and who owns each. All others are for the inside.</summary>
/// <remarks>
/// The caller table cannot say this: ingress itself calls internal methods too. A new service MUST be put into one of the
/// two lists; a test reads all descriptors and fails for one that is in neither.
/// </remarks>
internal static class PublicApi
{
    public static IReadOnlyList<(ServiceDescriptor Service, string Owner)> Services { get; } =
    [
        (Orchestrator.V1.TaskService.Descriptor, "orchestrator"),
        (Orchestrator.V1.CatalogService.Descriptor, "orchestrator"),
        (Orchestrator.V1.BundleService.Descriptor, "orchestrator"),
        (Policy.V1.AccessService.Descriptor, "policy"),
        (Policy.V1.ApprovalService.Descriptor, "policy"),
        (Vault.V1.SecretService.Descriptor, "vault"),
        (Audit.V1.LogService.Descriptor, "audit"),
        (V1.ManifestService.Descriptor, RouteTable.Self),
        (Bus.V1.DeadLetterService.Descriptor, RouteTable.Self),
    ];

    /// <summary>Services that never pass this door.</summary>
    public static IReadOnlyList<ServiceDescriptor> Internal { get; } =
    [
        Agent.V1.AgentService.Descriptor,
        Audit.V1.AppendService.Descriptor,
        Manifests.V1.ManifestIntakeService.Descriptor,
        Orchestrator.V1.AssignmentService.Descriptor,
        Orchestrator.V1.IntakeService.Descriptor,
        Orchestrator.V1.WorkService.Descriptor,
        Policy.V1.DecisionService.Descriptor,
        Policy.V1.IdentityService.Descriptor,
        Toolrunner.V1.RunnerService.Descriptor,
        Vault.V1.LeaseService.Descriptor,
    ];
}
