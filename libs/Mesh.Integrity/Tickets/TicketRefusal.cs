namespace Mesh.Integrity;

/// <summary>Why a ticket was not accepted.</summary>
public enum TicketRefusal
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>It is no signed note, or larger than one may be.</summary>
    NotANote,

    /// <summary>A signature names a known key and is wrong.</summary>
    InvalidSignature,

    /// <summary>No known key signed it.</summary>
    UnknownSigner,

    /// <summary>A known key signed something else than a ticket of this kind and version.</summary>
    WrongKind,

    /// <summary>A known key signed it, but its fields are not those of such a ticket.</summary>
    Malformed,
}
