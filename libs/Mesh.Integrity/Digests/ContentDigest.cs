namespace Mesh.Integrity;

/// <summary>The address of content: <c>sha256:</c> and 64 lower-case hex digits.</summary>
/// <param name="Hash">SHA-256 of the content.</param>
public readonly record struct ContentDigest(Hash256 Hash)
{
    private const string Prefix = "sha256:";

    /// <summary>The digest of these bytes.</summary>
    public static ContentDigest Of(ReadOnlySpan<byte> content) => new(Hash256.Of(content));

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is not of that form.</exception>
    public static ContentDigest Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var digest) ? digest : throw new FormatException("A content digest is 'sha256:' and 64 lower-case hex digits.");

    /// <summary>Reads what <see cref="ToString"/> writes, and nothing else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ContentDigest digest)
    {
        var hash = default(Hash256);
        var ok = text.StartsWith(Prefix, StringComparison.Ordinal) && Hash256.TryParseHex(text[Prefix.Length..], out hash);
        digest = new ContentDigest(hash);
        return ok;
    }

    /// <summary><c>sha256:</c> and 64 lower-case hex digits.</summary>
    public override string ToString() => Prefix + Hash;
}
