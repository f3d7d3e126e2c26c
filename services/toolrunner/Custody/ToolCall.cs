using Mesh.Integrity;

namespace Mesh.Toolrunner.Custody;

/// <summary>One dispatch of one action, as the orchestrator asks for it. Nothing in it is trusted before the vault agreed.</summary>
internal sealed record ToolCall
{
    public required string Tenant { get; init; }

    public required string Workflow { get; init; }

    public required ContentDigest WorkflowVersion { get; init; }

    public required Guid Task { get; init; }

    public required string Step { get; init; }

    public required NamedSpec Tool { get; init; }

    public required NamedSpec Integration { get; init; }

    public required CanonicalBytes Arguments { get; init; }

    public required int Dispatch { get; init; }

    /// <summary>Ask whether an earlier dispatch arrived, instead of performing.</summary>
    public required bool IsProbe { get; init; }

    public required Tickets Tickets { get; init; }
}

/// <summary>What the vault wants to see. Never logged.</summary>
internal sealed record Tickets(string Lease, ReadOnlyMemory<byte> Decision, ReadOnlyMemory<byte> Receipt)
{
    public override string ToString() => nameof(Tickets);
}

/// <summary>One dispatch of one action: the name of a result.</summary>
internal readonly record struct DispatchId(ActionDigest Action, int Dispatch);
