namespace Mesh.Integrity;

/// <summary>Everything that makes an action this action. Two that differ in any of it are two actions.</summary>
/// <remarks>
/// No attempt, epoch, policy version or approval is part of it: an approval, and the key that makes a
/// repetition harmless, belong to the action and outlive a crash.
/// </remarks>
public sealed record ActionDescription
{
    /// <summary>The tenant that acts.</summary>
    public required string Tenant { get; init; }

    /// <summary>The workflow's name.</summary>
    public required string Workflow { get; init; }

    /// <summary>The workflow's version, from <see cref="Integrity.WorkflowVersion"/>.</summary>
    public required ContentDigest WorkflowVersion { get; init; }

    /// <summary>The task's id.</summary>
    public required Guid Task { get; init; }

    /// <summary>The step key inside the task.</summary>
    public required string Step { get; init; }

    /// <summary>The tool's dotted name.</summary>
    public required string Tool { get; init; }

    /// <summary>The definition of the tool and its integration, from <see cref="Integrity.ToolDigest"/>.</summary>
    public required ContentDigest ToolDigest { get; init; }

    /// <summary>The arguments, exactly as the tool will receive them.</summary>
    public required CanonicalBytes Arguments { get; init; }
}
