using Mesh.Integrity;
using Mesh.Orchestrator.Manifests;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>One tool call of one task, checked at intake: the tool is granted, and the arguments match its schema.</summary>
internal sealed record ToolCall
{
    public required TaskKey Task { get; init; }

    public required WorkflowDefinition Workflow { get; init; }

    public required StepKey Step { get; init; }

    public required int Position { get; init; }

    public required ToolDefinition Tool { get; init; }

    public required CanonicalBytes Arguments { get; init; }

    /// <summary>What every ticket of this call is bound to.</summary>
    public required ActionDigest Digest { get; init; }

    /// <summary>Who started the task.</summary>
    public required string Initiator { get; init; }

    /// <summary>SHA-256 of the claim's secret: whoever asks must still hold the task when something is dispatched.</summary>
    public required byte[] ClaimHash { get; init; }

    /// <summary>The trace that the task began with; null when it is not known.</summary>
    public required string? Traceparent { get; init; }

    public CallRequested AsFact() => new(Position, Tool.Name, Tool.Digest.ToString(), Arguments.Memory, Digest);
}
