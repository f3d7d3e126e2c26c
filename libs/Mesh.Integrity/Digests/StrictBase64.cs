using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Integrity;

/// <summary>Base64 of which every value has one spelling. .NET's decoder skips white space and stray bits; signed text must not.</summary>
internal static class StrictBase64
{
    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        var decoded = new byte[(text.Length / 4 * 3) + 3];

        if (!Convert.TryFromBase64Chars(text, decoded, out var count) || !text.SequenceEqual(Convert.ToBase64String(decoded, 0, count)))
        {
            return false;
        }

        bytes = decoded[..count];
        return true;
    }

    public static bool TryDecodeUrl(ReadOnlySpan<char> text, Span<byte> exactly)
    {
        if (text.Length != Base64Url.GetEncodedLength(exactly.Length))
        {
            return false;
        }

        Span<char> again = stackalloc char[text.Length];

        // Not TryDecodeFromChars: that one throws for what is not base64.
        return Base64Url.DecodeFromChars(text, exactly, out _, out var count) == OperationStatus.Done
            && count == exactly.Length
            && Base64Url.TryEncodeToChars(exactly, again, out _)
            && text.SequenceEqual(again);
    }
}
