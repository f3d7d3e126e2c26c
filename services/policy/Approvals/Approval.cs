using System.Collections.Immutable;
using Mesh.Integrity;

namespace Mesh.Policy.Approvals;

/// <summary>One action that waits, or waited, for a person.</summary>
internal sealed record Approval
{
    public required Guid Id { get; init; }

    public required string Tenant { get; init; }

    public required ActionDigest Action { get; init; }

    public required ApprovalState State { get; init; }

    public required Guid Task { get; init; }

    public required string Workflow { get; init; }

    public required string Step { get; init; }

    public required string Tool { get; init; }

    /// <summary>Canonical JSON of what approvers are shown; see <see cref="ShownAction"/>.</summary>
    public required byte[] Shown { get; init; }

    /// <summary>Members of any of these may decide.</summary>
    public required ImmutableArray<string> Groups { get; init; }

    public required ImmutableArray<string> Rules { get; init; }

    public required bool ExcludesInitiator { get; init; }

    public required string Initiator { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The person who decided; null while nobody did.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>The groups of the tenant that this person was in when deciding.</summary>
    public ImmutableArray<string> DecidedGroups { get; init; } = [];

    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>The request by which it was decided, so that its repetition gets the same answer.</summary>
    public string? DecidedRequest { get; init; }

    public string Reason { get; init; } = "";

    /// <summary>The last dispatch that used it.</summary>
    public int? ConsumedDispatch { get; init; }

    /// <summary>Grows with every change.</summary>
    public int Revision { get; init; } = 1;

    /// <summary>By the clock of the store, when the row was read.</summary>
    public bool IsOverdue { get; init; }

    /// <summary>Changes with every change.</summary>
    public string Etag() => $"{Id:N}-{Revision}";

    public Hash256 ShownDigest => Hash256.Of(Shown);
}
