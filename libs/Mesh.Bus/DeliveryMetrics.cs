using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mesh.Postgres;
using Mesh.ServiceHost;

namespace Mesh.Bus;

/// <summary>Counts what comes in from the bus.</summary>
internal static class DeliveryMetrics
{
    private static readonly Counter<long> Delivered = new Meter(MeshSemantics.Meter).CreateCounter<long>(
        "mesh.bus.delivered", "{message}", "Messages that were given to their consumer, by what became of them.");

    private static readonly UpDownCounter<long> Handling = new Meter(MeshSemantics.Meter).CreateUpDownCounter<long>(
        "mesh.bus.handling", "{message}", "Messages that their consumer has in hand.");

    private static readonly Histogram<double> Lag = new Meter(MeshSemantics.Meter).CreateHistogram(
        "mesh.bus.delivery.lag", "s", "From the time in a message's id, when it was written, until its consumer has handled it: outbox, bus, queue and retries.", advice: Durations.Buckets);

    private static readonly Counter<long> Interruptions = new Meter(MeshSemantics.Meter).CreateCounter<long>(
        "mesh.bus.interrupted", "{interruption}", "How often a consumer was broken off, by its store or its bus, before it had settled what it had in hand.");

    /// <summary>Counts that a consumer was broken off and begins anew.</summary>
    public static void Interrupt(string consumer) => Interruptions.Add(1, new KeyValuePair<string, object?>("consumer", consumer));

    /// <summary>Counts messages as in hand, until what this answers is disposed of.</summary>
    public static IDisposable Handle(string consumer, int messages) => new InHand(consumer, messages);

    public static void Count(string consumer, IReadOnlyList<Envelope> messages, IReadOnlyList<DeliveryOutcome> outcomes)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

        foreach (var (message, _) in messages.Zip(outcomes).Where(pair => pair.Second is DeliveryOutcome.Done && pair.First.Id.Version == 7))
        {
            // Whoever writes to a broker chooses the id, and with it any time of the next 8,900 years.
            var lag = TimeSpan.FromMilliseconds(Math.Max(0, now - WrittenAt(message.Id)));
            Lag.Record(lag.TotalSeconds, new KeyValuePair<string, object?>("consumer", consumer));
        }

        foreach (var outcome in outcomes.GroupBy(WordOf))
        {
            Delivered.Add(outcome.Count(), new("consumer", consumer), new("outcome", outcome.Key));
        }
    }

    // RFC 9562, 5.7: the first 48 bits are milliseconds since 1970.
    private static long WrittenAt(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16;
    }

    private static string WordOf(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Done => "done",
        DeliveryOutcome.Failed => "failed",
        DeliveryOutcome.NotItsTurn => "not_its_turn",
        DeliveryOutcome.Undecodable => "undecodable",
        _ => throw new UnreachableException($"A delivery that is {outcome} has no word."),
    };

    private sealed class InHand : IDisposable
    {
        private readonly KeyValuePair<string, object?> consumer;
        private readonly int messages;

        public InHand(string consumer, int messages)
        {
            this.consumer = new("consumer", consumer);
            this.messages = messages;
            Handling.Add(messages, this.consumer);
        }

        public void Dispose() => Handling.Add(-messages, consumer);
    }
}
