using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Mesh.Manifests.Signatures;
using Microsoft.Extensions.Primitives;

namespace Mesh.Ingress.Webhooks;

/// <summary>What the headers of a delivery say, read strictly: nothing that two readers could understand differently passes.</summary>
/// <param name="Trouble">Why they are not to be believed, whatever the signature says; null when nothing is wrong with them.</param>
/// <param name="Id">The signed id, the same on every retry; empty when none is signed.</param>
/// <param name="Timestamp">As it was signed; empty when none is signed.</param>
/// <param name="Mark">The value of the header that repeats are recognised by; empty when there is no such header.</param>
/// <param name="Signatures">The signatures, 32 bytes each.</param>
internal sealed record Delivery(string? Trouble, string Id, string Timestamp, string Mark, ImmutableArray<byte[]> Signatures)
{
    private const int HeaderLengthMax = 4 * 1024;
    private const int SignaturesMax = 16;

    // As many as 11 digits of seconds have, which is enough for three thousand years.
    private const int SecondsDigitsMax = 11;
    private const int MillisecondsDigitsMax = 14;

    /// <summary>Reads the headers that the scheme names.</summary>
    public static Delivery Read(IHeaderDictionary headers, SignatureScheme scheme)
    {
        var id = ValueOf(headers, scheme.IdHeader);
        var timestamp = ValueOf(headers, scheme.Timestamp?.Header);
        var mark = ValueOf(headers, (scheme.Dedupe as Deduplication.ByHeader)?.Header);
        var header = ValueOf(headers, scheme.Header);

        if (id is null || timestamp is null || mark is null || header is null)
        {
            return Bad("header_missing");
        }

        if (id.Length > SignedText.IdLengthMax || id.AsSpan().ContainsAnyExcept(SignedText.IdCharacters))
        {
            return Bad("id_malformed");
        }

        if (mark.Length > SignedText.IdLengthMax)
        {
            return Bad("mark_malformed");
        }

        if (timestamp.Length > (scheme.Timestamp?.Unit == TimestampUnit.Milliseconds ? MillisecondsDigitsMax : SecondsDigitsMax) || !timestamp.All(char.IsAsciiDigit))
        {
            return Bad("timestamp_malformed");
        }

        return ReadSignatures(header, scheme) is { IsEmpty: false } signatures
            ? new Delivery(null, id, timestamp, mark, signatures)
            : Bad("signature_malformed");
    }

    /// <summary>Whether the time stamp, if one is signed, is near enough to now.</summary>
    public bool IsFresh(SignatureScheme scheme, DateTimeOffset now)
    {
        if (scheme.Timestamp is not { } stamp)
        {
            return true;
        }

        var at = long.Parse(Timestamp, NumberStyles.None, CultureInfo.InvariantCulture);

        return stamp.Unit == TimestampUnit.Milliseconds
            ? Math.Abs(now.ToUnixTimeMilliseconds() - at) <= (long)stamp.Tolerance.TotalMilliseconds
            : Math.Abs(now.ToUnixTimeSeconds() - at) <= (long)stamp.Tolerance.TotalSeconds;
    }

    private static Delivery Bad(string trouble) => new(trouble, "", "", "", []);

    // Empty where the scheme has no such header; null where it has one and it does not come exactly once.
    private static string? ValueOf(IHeaderDictionary headers, string? name) => name is null ? "" : One(headers[name]);

    private static string? One(StringValues values) => values is [{ Length: > 0 and <= HeaderLengthMax } only] ? only : null;

    private static ImmutableArray<byte[]>? ReadSignatures(string header, SignatureScheme scheme)
    {
        var found = ImmutableArray.CreateBuilder<byte[]>();
        string[] entries = scheme.IsList ? header.Split(' ') : [header];

        if (entries.Length > SignaturesMax)
        {
            return null;
        }

        foreach (var entry in entries)
        {
            if (!entry.StartsWith(scheme.Prefix, StringComparison.Ordinal))
            {
                // Other versions are somebody else's to check; what calls itself by the prefix has to be a signature.
                if (scheme.IsList)
                {
                    continue;
                }

                return null;
            }

            if (Decode(entry.AsSpan(scheme.Prefix.Length), scheme.Encoding) is not { } mac)
            {
                return null;
            }

            found.Add(mac);
        }

        return found.ToImmutable();
    }

    // One spelling for each signature: no upper case in hex, no white space, no missing padding, no loose bits in base64.
    private static byte[]? Decode(ReadOnlySpan<char> text, SignatureEncoding encoding)
    {
        var mac = new byte[HMACSHA256.HashSizeInBytes];
        var isWhole = encoding == SignatureEncoding.Hex
            ? Convert.FromHexString(text, mac, out _, out var count) == System.Buffers.OperationStatus.Done
            : Convert.TryFromBase64Chars(text, mac, out count);

        return isWhole && count == mac.Length && text.SequenceEqual(encoding == SignatureEncoding.Hex ? Convert.ToHexStringLower(mac) : Convert.ToBase64String(mac))
            ? mac
            : null;
    }
}
