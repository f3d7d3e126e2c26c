using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Mesh.Ingress.Webhooks;

/// <summary>What the headers of a delivery say, read strictly: nothing that two readers could understand differently passes.</summary>
/// <param name="Id">The signed delivery id, the same on every retry.</param>
/// <param name="Timestamp">Unix seconds.</param>
/// <param name="TimestampText">As it was signed.</param>
/// <param name="Signatures">The signatures of version 1, 32 bytes each.</param>
internal sealed record Delivery(string Id, long Timestamp, string TimestampText, ImmutableArray<byte[]> Signatures)
{
    private const int HeaderLengthMax = 4 * 1024;
    private const int IdLengthMax = 255;
    private const int SignaturesMax = 16;

    // No dot: id, time stamp and body are signed with dots between them, and must not be divisible in two ways.
    private static readonly SearchValues<char> IdCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:/+=~@");

    /// <summary>Reads the three headers; null when one is missing, doubled or malformed, with the reason.</summary>
    public static Delivery? Read(IHeaderDictionary headers, out string reason)
    {
        reason = "";

        if (headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
        {
            reason = "content_encoding";
        }
        else if (One(headers["webhook-id"]) is not { } id || One(headers["webhook-timestamp"]) is not { } timestamp || One(headers["webhook-signature"]) is not { } signature)
        {
            reason = "header_missing";
        }
        else if (id.Length > IdLengthMax || id.AsSpan().ContainsAnyExcept(IdCharacters))
        {
            reason = "id_malformed";
        }
        else if (timestamp.Length > 11 || !timestamp.All(char.IsAsciiDigit))
        {
            reason = "timestamp_malformed";
        }
        else if (ReadSignatures(signature) is not { IsEmpty: false } signatures)
        {
            reason = "signature_malformed";
        }
        else
        {
            return new Delivery(id, long.Parse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture), timestamp, signatures);
        }

        return null;
    }

    private static string? One(StringValues values) => values is [{ Length: > 0 and <= HeaderLengthMax } only] ? only : null;

    private static ImmutableArray<byte[]>? ReadSignatures(string header)
    {
        var found = ImmutableArray.CreateBuilder<byte[]>();
        var entries = header.Split(' ');

        if (entries.Length > SignaturesMax)
        {
            return null;
        }

        foreach (var entry in entries)
        {
            // Other versions are somebody else's to check; what calls itself version 1 has to be one.
            if (entry.StartsWith("v1,", StringComparison.Ordinal))
            {
                var mac = new byte[StandardWebhooks.MacBytes];
                var text = entry.AsSpan(3);

                if (text.Length != 44 || !Convert.TryFromBase64Chars(text, mac, out var count) || count != mac.Length || !text.SequenceEqual(Convert.ToBase64String(mac)))
                {
                    return null;
                }

                found.Add(mac);
            }
        }

        return found.ToImmutable();
    }
}
