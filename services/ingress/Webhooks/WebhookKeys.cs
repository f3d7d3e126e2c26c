using System.Buffers;
using System.Buffers.Text;
using Mesh.Integrity;

namespace Mesh.Ingress.Webhooks;

/// <summary>The keys of one webhook, in memory only. There are always as many slots: a stranger must not learn by time how many keys count.</summary>
internal sealed class WebhookKeys : IDisposable
{
    private const int SlotsMin = 2;
    private const int KeyBytesMin = 24;
    private const int KeyBytesMax = 64;

    private WebhookKeys(IEnumerable<Slot> real) =>
        Slots = [.. real.Concat(Enumerable.Range(0, SlotsMin).Select(_ => new Slot(SecretBytes.Random(32), Counts: false))).Take(Math.Max(SlotsMin, real.Count()))];

    /// <summary>Keys that no signature fits: what an unknown webhook is checked with.</summary>
    public static WebhookKeys None { get; } = new([]);

    public IReadOnlyList<Slot> Slots { get; }

    /// <summary>Keeps the keys; counts those that are not <c>whsec_</c> and the base64 of 24 to 64 bytes.</summary>
    public static WebhookKeys Read(IEnumerable<ReadOnlyMemory<byte>> stored, out int malformed)
    {
        var all = stored.Select(Decode).ToArray();
        malformed = all.Count(key => key is null);
        return new WebhookKeys([.. all.OfType<SecretBytes>().Select(key => new Slot(key, Counts: true))]);
    }

    public void Dispose()
    {
        foreach (var slot in Slots)
        {
            slot.Key.Dispose();
        }
    }

    private static SecretBytes? Decode(ReadOnlyMemory<byte> stored)
    {
        var text = stored.Span;

        if (!text.StartsWith("whsec_"u8) || text.Length > 128)
        {
            return null;
        }

        Span<byte> key = stackalloc byte[128];
        var status = Base64.DecodeFromUtf8(text["whsec_"u8.Length..], key, out _, out var length);

        // Taken also when it is refused: taking erases what was on the stack.
        var secret = SecretBytes.Take(key[..length]);

        if (status == OperationStatus.Done && length is >= KeyBytesMin and <= KeyBytesMax)
        {
            return secret;
        }

        secret.Dispose();
        return null;
    }

    /// <summary>A key, and whether its signatures count.</summary>
    internal sealed record Slot(SecretBytes Key, bool Counts);
}
