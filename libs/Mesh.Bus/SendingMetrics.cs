using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Bus;

/// <summary>Counts what goes out to the bus.</summary>
internal static class SendingMetrics
{
    private static readonly Counter<long> Sent = new Meter(MeshSemantics.Meter).CreateCounter<long>(
        "mesh.bus.sent", "{message}", "Messages of the outbox that were offered to the bus, by what it said.");

    public static void Count(int accepted, int refused)
    {
        Count(accepted, "accepted");
        Count(refused, "refused");
    }

    private static void Count(int messages, string outcome)
    {
        if (messages > 0)
        {
            Sent.Add(messages, new KeyValuePair<string, object?>("outcome", outcome));
        }
    }
}
