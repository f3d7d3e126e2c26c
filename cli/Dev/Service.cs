using System.Collections.Immutable;

namespace Mesh.Cli.Dev;

/// <summary>One of the six services, as the launcher knows it. The index is its place in the block of ports.</summary>
internal sealed record Service(string Name, string Program, int Index, bool HasStore)
{
    public static readonly ImmutableArray<Service> All =
    [
        new("ingress", "Mesh.Ingress.dll", 0, HasStore: false),
        new("orchestrator", "Mesh.Orchestrator.dll", 1, HasStore: true),
        new("policy", "Mesh.Policy.dll", 2, HasStore: true),
        new("vault", "Mesh.Vault.dll", 3, HasStore: true),
        new("audit", "Mesh.Audit.dll", 4, HasStore: true),
        new("toolrunner", "Mesh.Toolrunner.dll", 5, HasStore: false),
    ];
}
