namespace Mesh.Integrity;

/// <summary>Why JSON was refused.</summary>
public enum JsonRefusalReason
{
    /// <summary>The bytes are not JSON (RFC 8259), or end too early.</summary>
    NotJson,

    /// <summary>The bytes are not valid UTF-8.</summary>
    InvalidUtf8,

    /// <summary>More than white space follows the value.</summary>
    TrailingBytes,

    /// <summary>An object has the same key twice.</summary>
    DuplicateKey,

    /// <summary>A string or key has half of a surrogate pair.</summary>
    LoneSurrogate,

    /// <summary>Arrays and objects are nested deeper than <see cref="CanonicalJson.DepthMax"/>.</summary>
    TooDeep,

    /// <summary>A number would change when it is read as a double and written again.</summary>
    NumberNotExact,

    /// <summary>There are more bytes than the caller allows.</summary>
    TooLarge,
}

/// <summary>What was wrong with JSON, and where.</summary>
/// <param name="Reason">Why it was refused.</param>
/// <param name="Path">
/// The place as a JSON pointer (RFC 6901), empty for the whole document. For a repeated key, the key. Long pointers are cut.
/// </param>
public sealed record JsonRefusal(JsonRefusalReason Reason, string Path)
{
    /// <summary>The refusal as one line for a person, with the limit where there is one.</summary>
    public override string ToString() => Path.Length == 0 ? Words : $"{Words} at {Path}";

    private string Words => Reason switch
    {
        JsonRefusalReason.NotJson => "not JSON",
        JsonRefusalReason.InvalidUtf8 => "not UTF-8",
        JsonRefusalReason.TrailingBytes => "more than one JSON value",
        JsonRefusalReason.DuplicateKey => "the same key twice",
        JsonRefusalReason.LoneSurrogate => "half of a surrogate pair",
        JsonRefusalReason.TooDeep => $"nested deeper than {CanonicalJson.DepthMax} levels",
        JsonRefusalReason.NumberNotExact => "a number that a double would change (send it as a string)",
        JsonRefusalReason.TooLarge => "larger than allowed",
        _ => Reason.ToString(),
    };
}
