using System.Collections.Immutable;
using Mesh.Integrity;

namespace Mesh.Policy;

/// <summary>An action that the orchestrator wants to dispatch. Only names and arguments are its word; the rest policy knows itself.</summary>
internal sealed record ActionRequest
{
    public required string Tenant { get; init; }

    public required string Workflow { get; init; }

    public required ContentDigest WorkflowVersion { get; init; }

    public required Guid Task { get; init; }

    public required string Step { get; init; }

    public required string Tool { get; init; }

    public required ContentDigest ToolDigest { get; init; }

    public required CanonicalBytes Arguments { get; init; }

    public required int Dispatch { get; init; }

    public required long Epoch { get; init; }

    public required string Initiator { get; init; }

    public required ImmutableArray<string> TaskDone { get; init; }

    public ActionDigest Digest() => ActionDigest.Compute(new ActionDescription
    {
        Tenant = Tenant,
        Workflow = Workflow,
        WorkflowVersion = WorkflowVersion,
        Task = Task,
        Step = Step,
        Tool = Tool,
        ToolDigest = ToolDigest,
        Arguments = Arguments,
    });
}
