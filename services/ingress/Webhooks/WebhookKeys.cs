using Mesh.Integrity;
using Mesh.Manifests.Signatures;

namespace Mesh.Ingress.Webhooks;

/// <summary>The keys of one webhook, in memory only. There are always as many slots: a stranger must not learn by time how many keys count.</summary>
internal sealed class WebhookKeys : IDisposable
{
    private const int SlotsMin = 2;

    private WebhookKeys(IReadOnlyCollection<Slot> real) =>
        Slots = [.. real, .. Enumerable.Range(0, Math.Max(0, SlotsMin - real.Count)).Select(_ => new Slot(SecretBytes.Random(32), Counts: false))];

    /// <summary>Keys that no signature fits: what an unknown webhook is checked with.</summary>
    public static WebhookKeys None { get; } = new([]);

    public IReadOnlyList<Slot> Slots { get; }

    /// <summary>Keeps the keys; counts the secrets that are not of the form that the webhook asks for.</summary>
    public static WebhookKeys Read(IEnumerable<ReadOnlyMemory<byte>> stored, KeyEncoding encoding, out int malformed)
    {
        var all = stored.Select(secret => encoding.Decode(secret.Span)).ToArray();
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

    /// <summary>A key, and whether its signatures count.</summary>
    internal sealed record Slot(SecretBytes Key, bool Counts);
}
