using System.Diagnostics.CodeAnalysis;

namespace Mesh.Integrity;

/// <summary>Canonical JSON (RFC 8785): one value, one sequence of bytes, so that a digest of it means the value.</summary>
/// <remarks>
/// Stricter than the RFC where the RFC leaves doubt about what was meant: a repeated key and a number that
/// a double cannot carry are refused, never repaired.
/// </remarks>
public static class CanonicalJson
{
    /// <summary>The deepest nesting of arrays and objects. One more is refused.</summary>
    public const int DepthMax = 32;

    /// <summary>The canonical form of a JSON document.</summary>
    /// <param name="utf8Json">One JSON value in UTF-8. White space may surround it.</param>
    /// <exception cref="JsonRefusedException">It is not JSON, or has no canonical form.</exception>
    public static byte[] Canonicalize(ReadOnlySpan<byte> utf8Json) =>
        TryCanonicalize(utf8Json, out var canonical, out var refusal) ? canonical : throw new JsonRefusedException(refusal);

    /// <summary>The canonical form of a JSON document, or why it has none. Never throws.</summary>
    /// <param name="utf8Json">One JSON value in UTF-8. White space may surround it.</param>
    /// <param name="canonical">The canonical bytes.</param>
    /// <param name="refusal">What was wrong, and where.</param>
    /// <param name="bytesMax">The most bytes that are looked at. A longer input is refused unread.</param>
    public static bool TryCanonicalize(
        ReadOnlySpan<byte> utf8Json,
        [NotNullWhen(true)] out byte[]? canonical,
        [NotNullWhen(false)] out JsonRefusal? refusal,
        int bytesMax = int.MaxValue) => Canonicalizer.TryRun(utf8Json, bytesMax, out canonical, out refusal);

    /// <summary>Like <see cref="Canonicalize"/>, but the result carries the proof in its type.</summary>
    /// <param name="utf8Json">One JSON value in UTF-8. White space may surround it.</param>
    /// <exception cref="JsonRefusedException">It is not JSON, or has no canonical form.</exception>
    public static CanonicalBytes Parse(ReadOnlySpan<byte> utf8Json) => new(Canonicalize(utf8Json));

    /// <summary>Like <see cref="TryCanonicalize"/>, but the result carries the proof in its type.</summary>
    /// <param name="utf8Json">One JSON value in UTF-8. White space may surround it.</param>
    /// <param name="canonical">The canonical bytes.</param>
    /// <param name="refusal">What was wrong, and where.</param>
    /// <param name="bytesMax">The most bytes that are looked at. A longer input is refused unread.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> utf8Json,
        [NotNullWhen(true)] out CanonicalBytes? canonical,
        [NotNullWhen(false)] out JsonRefusal? refusal,
        int bytesMax = int.MaxValue)
    {
        canonical = TryCanonicalize(utf8Json, out var bytes, out refusal, bytesMax) ? new CanonicalBytes(bytes) : null;
        return canonical is not null;
    }

    /// <summary>Whether a document would be accepted, without writing it: null, or what was wrong. Never throws.</summary>
    /// <remarks>Stands before every lenient reader (the JSON transcoder rounds numbers and lets the last of two keys win).</remarks>
    /// <param name="utf8Json">One JSON value in UTF-8. White space may surround it.</param>
    /// <param name="bytesMax">The most bytes that are looked at. A longer input is refused unread.</param>
    public static JsonRefusal? Check(ReadOnlySpan<byte> utf8Json, int bytesMax = int.MaxValue) =>
        Canonicalizer.Check(utf8Json, bytesMax);
}
