using System.Security.Cryptography;
using System.Text;
using Mesh.Manifests.Signatures;

namespace Mesh.Ingress.Webhooks;

/// <summary>Checks one delivery against what the vault knows of its webhook. The same work for every scheme and for none.</summary>
internal static class SignatureCheck
{
    /// <summary>Whether the delivery is authentic and fresh, and by what it is recognised when it comes again.</summary>
    /// <remarks>
    /// The signatures are computed whatever else is wrong, also for a webhook that is not there, with keys that nothing fits: how long
    /// it takes tells nobody what it was.
    /// </remarks>
    public static Verdict Of(IHeaderDictionary headers, byte[] body, WebhookDoor webhook, DateTimeOffset received)
    {
        var scheme = webhook.Scheme;
        var delivery = Delivery.Read(headers, scheme);
        var signed = SignedBytes(delivery, body, scheme);
        var isSigned = IsSigned(delivery, signed, webhook.Keys);

        var trouble = webhook.IsUnknown ? "unknown"
            : delivery.Trouble ?? (!delivery.IsFresh(scheme, received) ? "stale" : isSigned ? null : "signature");

        return trouble is null ? new Verdict.Accepted(ReplayKeyOf(delivery, signed, scheme)) : new Verdict.Rejected(trouble);
    }

    private static bool IsSigned(Delivery delivery, IReadOnlyList<ReadOnlyMemory<byte>> signed, WebhookKeys keys)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var isSigned = false;

        // All keys and all signatures, also behind the one that fits.
        foreach (var slot in keys.Slots)
        {
            using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, slot.Key.Span);
            Append(hash, signed);
            hash.GetHashAndReset(mac);

            foreach (var signature in delivery.Signatures)
            {
                isSigned |= CryptographicOperations.FixedTimeEquals(mac, signature) & slot.Counts;
            }
        }

        return isSigned;
    }

    private static List<ReadOnlyMemory<byte>> SignedBytes(Delivery delivery, byte[] body, SignatureScheme scheme) =>
    [
        .. scheme.SignedText.Parts.Select(part => part switch
        {
            SignedPart.Body => body,
            SignedPart.Timestamp => Encoding.ASCII.GetBytes(delivery.Timestamp),
            SignedPart.Id => Encoding.ASCII.GetBytes(delivery.Id),
            SignedPart.Text text => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(text.Value),
            _ => throw new InvalidOperationException($"What is signed has no part {part}."),
        }),
    ];

    private static string ReplayKeyOf(Delivery delivery, IReadOnlyList<ReadOnlyMemory<byte>> signed, SignatureScheme scheme) => scheme switch
    {
        { IdHeader: not null } => delivery.Id,
        { Dedupe: Deduplication.Never } => Guid.CreateVersion7().ToString("N"),

        // No header holds a new line, so nothing can be moved from the mark into what is signed. By the mark alone, whoever repeats a
        // delivery under the mark of one to come would have that one taken for a repeat.
        { Dedupe: Deduplication.ByHeader } => DigestOf([Encoding.UTF8.GetBytes(delivery.Mark + "\n"), .. signed]),
        _ => DigestOf(signed),
    };

    private static string DigestOf(IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, parts);
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        foreach (var part in parts)
        {
            hash.AppendData(part.Span);
        }
    }
}

/// <summary>What came of a check.</summary>
internal abstract record Verdict
{
    /// <summary>It is authentic and fresh; a repeat of it has the same key.</summary>
    internal sealed record Accepted(string ReplayKey) : Verdict;

    /// <summary>It is not, for a reason that its sender is not told.</summary>
    internal sealed record Rejected(string Reason) : Verdict;
}
