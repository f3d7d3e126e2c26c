using System.Diagnostics.CodeAnalysis;

namespace Mesh.Integrity;

/// <summary>Audit's signed statement that the intent for one dispatch is durable at an index of a log. Good for one redemption.</summary>
public sealed record ReceiptTicket
{
    private const string Kind = "mesh-receipt/v1";

    /// <summary>The log that has the intent.</summary>
    public required string Origin { get; init; }

    /// <summary>The intent's index in that log.</summary>
    public required long Index { get; init; }

    /// <summary>The hash of the intent's leaf, for an inclusion proof.</summary>
    public required Hash256 LeafHash { get; init; }

    /// <summary>The action that was announced.</summary>
    public required ActionDigest Action { get; init; }

    /// <summary>Which dispatch of the action.</summary>
    public required long Dispatch { get; init; }

    /// <summary>The task's fence.</summary>
    public required long Epoch { get; init; }

    /// <summary>Whether the dispatch performs the action, or asks about an earlier one.</summary>
    public required TicketPurpose Purpose { get; init; }

    /// <summary>When the intent became durable. What is finer than a millisecond is cut off, as in the text.</summary>
    public required DateTimeOffset Time { get; init => field = TicketText.WholeMilliseconds(value); }

    /// <summary>The receipt as a signed note.</summary>
    /// <exception cref="ArgumentException">A field is not of its form.</exception>
    public byte[] Sign(NoteSigner signer)
    {
        if (FirstBadField() is { } field)
        {
            throw new ArgumentException($"The receipt's {field} is not of its form.");
        }

        return SignedNote.Sign(ToText(), signer);
    }

    /// <summary>Reads a receipt that a known key signed. Never throws, whatever the bytes.</summary>
    /// <param name="note">The signed note.</param>
    /// <param name="verifiers">The keys of audit, and no others: whoever is listed here can say that something was logged.</param>
    /// <param name="ticket">The receipt.</param>
    /// <param name="reason">Why it was refused.</param>
    public static bool TryVerify(
        ReadOnlySpan<byte> note,
        IReadOnlyList<NoteVerifier> verifiers,
        [NotNullWhen(true)] out ReceiptTicket? ticket,
        out TicketRefusal reason)
    {
        ticket = null;
        reason = TicketText.TryOpen(note, verifiers, Kind, out var text, out var fields);

        if (reason != TicketRefusal.None)
        {
            return false;
        }

        var read = Read(fields);

        // One receipt, one text: what is written otherwise was not written by audit.
        ticket = read is not null && read.FirstBadField() is null && read.ToText() == text ? read : null;
        reason = ticket is null ? TicketRefusal.Malformed : TicketRefusal.None;
        return ticket is not null;
    }

    private string ToText() => TicketText.Lines(
        Kind,
        Origin,
        TicketText.Number(Index),
        LeafHash.ToBase64(),
        Action.ToString(),
        TicketText.Number(Dispatch),
        TicketText.Number(Epoch),
        Purpose.Word(),
        TicketText.Number(Time.ToUnixTimeMilliseconds()));

    private static ReceiptTicket? Read(string[] f)
    {
        if (f.Length != 8
            || !TicketText.TryNumber(f[1], out var index)
            || !Hash256.TryParseBase64(f[2], out var leafHash)
            || !ActionDigest.TryParse(f[3], out var action)
            || !TicketText.TryNumber(f[4], out var dispatch)
            || !TicketText.TryNumber(f[5], out var epoch)
            || !TicketPurposes.TryParse(f[6], out var purpose)
            || !TicketText.TryTime(f[7], out var time))
        {
            return null;
        }

        return new ReceiptTicket
        {
            Origin = f[0],
            Index = index,
            LeafHash = leafHash,
            Action = action,
            Dispatch = dispatch,
            Epoch = epoch,
            Purpose = purpose,
            Time = time,
        };
    }

    private string? FirstBadField() => this switch
    {
        _ when !TicketText.IsOrigin(Origin) => nameof(Origin),
        _ when Index < 0 => nameof(Index),
        _ when Dispatch < 0 => nameof(Dispatch),
        _ when Epoch < 0 => nameof(Epoch),
        _ when Time < DateTimeOffset.UnixEpoch => nameof(Time),
        _ => null,
    };
}
