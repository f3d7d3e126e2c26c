using System.Diagnostics.CodeAnalysis;

namespace Mesh.Integrity;

/// <summary>Policy's signed statement that one action may be dispatched now. The vault reads nothing about an action but this.</summary>
/// <remarks>
/// It allows; a refusal needs no ticket. <see cref="TryVerify"/> checks signature and form, and leaves three
/// things to the caller: <see cref="IsExpired"/>, the domain, and that action, dispatch and epoch are the expected ones.
/// </remarks>
public sealed record DecisionTicket
{
    private const string Kind = "mesh-decision/v1";

    /// <summary>How far the clocks of two services may be apart before a valid ticket is taken for an expired one.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(5);

    /// <summary>The installation that the ticket is valid in.</summary>
    public required string Domain { get; init; }

    /// <summary>The decision's id in policy.</summary>
    public required Guid DecisionId { get; init; }

    /// <summary>The tenant that acts.</summary>
    public required string Tenant { get; init; }

    /// <summary>The workflow's name.</summary>
    public required string Workflow { get; init; }

    /// <summary>The workflow's version.</summary>
    public required ContentDigest WorkflowVersion { get; init; }

    /// <summary>The task's id.</summary>
    public required Guid Task { get; init; }

    /// <summary>The tool's dotted name.</summary>
    public required string Tool { get; init; }

    /// <summary>The definition of tool and integration that policy evaluated. The vault finds its own copy by it.</summary>
    public required ContentDigest ToolDigest { get; init; }

    /// <summary>The tool's classes, from policy's copy of the manifest; at least one, in any order.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The integration that the tool uses, or null.</summary>
    public required string? Integration { get; init; }

    /// <summary>The secret that the integration needs, or null.</summary>
    public required string? SecretName { get; init; }

    /// <summary>The action that is allowed.</summary>
    public required ActionDigest Action { get; init; }

    /// <summary>Which dispatch of the action is allowed.</summary>
    public required long Dispatch { get; init; }

    /// <summary>The task's fence.</summary>
    public required long Epoch { get; init; }

    /// <summary>The policy set that decided.</summary>
    public required ContentDigest PolicySet { get; init; }

    /// <summary>The approval that was consumed, or null if none was needed.</summary>
    public required Guid? Approval { get; init; }

    /// <summary>When the ticket ends. What is finer than a millisecond is cut off, as in the text.</summary>
    public required DateTimeOffset Expiry { get; init => field = TicketText.WholeMilliseconds(value); }

    /// <summary>Whether the ticket has ended, by a clock that may be <see cref="Skew"/> ahead of the signer's.</summary>
    public bool IsExpired(DateTimeOffset now) => now - Expiry > Skew;

    /// <summary>The ticket as a signed note.</summary>
    /// <exception cref="ArgumentException">A field is not of its form.</exception>
    public byte[] Sign(NoteSigner signer)
    {
        if (FirstBadField() is { } field)
        {
            throw new ArgumentException($"The ticket's {field} is not of its form.");
        }

        return SignedNote.Sign(ToText(), signer);
    }

    /// <summary>Reads a ticket that a known key signed. Never throws, whatever the bytes.</summary>
    /// <param name="note">The signed note.</param>
    /// <param name="verifiers">The keys of policy, and no others: whoever is listed here can allow.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="reason">Why it was refused.</param>
    public static bool TryVerify(
        ReadOnlySpan<byte> note,
        IReadOnlyList<NoteVerifier> verifiers,
        [NotNullWhen(true)] out DecisionTicket? ticket,
        out TicketRefusal reason)
    {
        ticket = null;
        reason = TicketText.TryOpen(note, verifiers, Kind, out var text, out var fields);

        if (reason != TicketRefusal.None)
        {
            return false;
        }

        var read = Read(fields);

        // One ticket, one text: what is written otherwise (upper case, leading zeros, unsorted) was not written by policy.
        ticket = read is not null && read.FirstBadField() is null && read.ToText() == text ? read : null;
        reason = ticket is null ? TicketRefusal.Malformed : TicketRefusal.None;
        return ticket is not null;
    }

    /// <inheritdoc/>
    public bool Equals(DecisionTicket? other) => other is not null && ToText() == other.ToText();

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(DecisionId, Action, Dispatch);

    private string ToText() => TicketText.Lines(
        Kind,
        Domain,
        DecisionId.ToString("D"),
        Tenant,
        Workflow,
        WorkflowVersion.ToString(),
        Task.ToString("D"),
        Tool,
        ToolDigest.ToString(),
        string.Join(',', Classes.Order(StringComparer.Ordinal)),
        Integration ?? TicketText.Nothing,
        SecretName ?? TicketText.Nothing,
        Action.ToString(),
        TicketText.Number(Dispatch),
        TicketText.Number(Epoch),
        PolicySet.ToString(),
        Approval?.ToString("D") ?? TicketText.Nothing,
        TicketText.Number(Expiry.ToUnixTimeMilliseconds()));

    private static DecisionTicket? Read(string[] f)
    {
        var approval = Guid.Empty;

        if (f.Length != 17
            || !TicketText.TryId(f[1], out var decisionId)
            || !ContentDigest.TryParse(f[4], out var workflowVersion)
            || !TicketText.TryId(f[5], out var task)
            || !ContentDigest.TryParse(f[7], out var toolDigest)
            || !ActionDigest.TryParse(f[11], out var action)
            || !TicketText.TryNumber(f[12], out var dispatch)
            || !TicketText.TryNumber(f[13], out var epoch)
            || !ContentDigest.TryParse(f[14], out var policySet)
            || !(f[15] == TicketText.Nothing || TicketText.TryId(f[15], out approval))
            || !TicketText.TryTime(f[16], out var expiry))
        {
            return null;
        }

        return new DecisionTicket
        {
            Domain = f[0],
            DecisionId = decisionId,
            Tenant = f[2],
            Workflow = f[3],
            WorkflowVersion = workflowVersion,
            Task = task,
            Tool = f[6],
            ToolDigest = toolDigest,
            Classes = f[8].Split(','),
            Integration = TicketText.OrNull(f[9]),
            SecretName = TicketText.OrNull(f[10]),
            Action = action,
            Dispatch = dispatch,
            Epoch = epoch,
            PolicySet = policySet,
            Approval = f[15] == TicketText.Nothing ? null : approval,
            Expiry = expiry,
        };
    }

    private string? FirstBadField() => this switch
    {
        _ when !TicketText.IsDomain(Domain) => nameof(Domain),
        _ when !TicketText.IsName(Tenant) => nameof(Tenant),
        _ when !TicketText.IsName(Workflow) => nameof(Workflow),
        _ when !TicketText.IsToolName(Tool) => nameof(Tool),
        _ when Classes.Count == 0 || !Classes.All(TicketText.IsClass) || Classes.Distinct().Count() != Classes.Count => nameof(Classes),
        _ when Integration is not null && !TicketText.IsName(Integration) => nameof(Integration),
        _ when SecretName is not null && !TicketText.IsSecretName(SecretName) => nameof(SecretName),
        _ when Dispatch < 0 => nameof(Dispatch),
        _ when Epoch < 0 => nameof(Epoch),
        _ when Expiry < DateTimeOffset.UnixEpoch => nameof(Expiry),
        _ => null,
    };
}
