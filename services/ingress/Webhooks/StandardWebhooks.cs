using System.Security.Cryptography;
using System.Text;

namespace Mesh.Ingress.Webhooks;

/// <summary>Checks signatures of the Standard Webhooks specification, version 1: HMAC-SHA-256 over <c>id.timestamp.body</c>.</summary>
internal static class StandardWebhooks
{
    public const int MacBytes = 32;

    /// <summary>How far the time stamp may be from now, in either direction.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>Whether any key made any of the signatures. Takes as long when the first fits as when none does.</summary>
    public static bool IsSigned(Delivery delivery, ReadOnlySpan<byte> body, WebhookKeys keys)
    {
        Span<byte> mac = stackalloc byte[MacBytes];
        var head = Encoding.ASCII.GetBytes($"{delivery.Id}.{delivery.TimestampText}.");
        var signed = false;

        foreach (var slot in keys.Slots)
        {
            using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, slot.Key.Span);
            hash.AppendData(head);
            hash.AppendData(body);
            hash.GetHashAndReset(mac);

            foreach (var signature in delivery.Signatures)
            {
                signed |= CryptographicOperations.FixedTimeEquals(mac, signature) & slot.Counts;
            }
        }

        return signed;
    }

    public static bool IsFresh(Delivery delivery, DateTimeOffset now) =>
        Math.Abs(now.ToUnixTimeSeconds() - delivery.Timestamp) <= (long)Tolerance.TotalSeconds;
}
