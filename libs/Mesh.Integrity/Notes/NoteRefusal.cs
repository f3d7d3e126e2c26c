namespace Mesh.Integrity;

/// <summary>Why a signed note was not opened.</summary>
public enum NoteRefusal
{
    /// <summary>It was opened.</summary>
    None,

    /// <summary>It is larger than <see cref="SignedNote.BytesMax"/>.</summary>
    TooLarge,

    /// <summary>It has not the form of a signed note, or more than <see cref="SignedNote.SignaturesMax"/> signatures.</summary>
    Malformed,

    /// <summary>A signature names a known key and is wrong. The whole note is refused, whatever else it carries.</summary>
    InvalidSignature,

    /// <summary>None of its signatures is by a known key.</summary>
    UnknownSigner,
}
