using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Bus;

/// <summary>Counts what comes in from the bus.</summary>
internal static class DeliveryMetrics
{
    private static readonly Counter<long> Delivered = new Meter(MeshSemantics.Meter).CreateCounter<long>(
        "mesh.bus.delivered", "{message}", "Messages that were given to their consumer, by what became of them.");

    public static void Count(string consumer, IReadOnlyList<DeliveryOutcome> outcomes)
    {
        foreach (var outcome in outcomes.GroupBy(WordOf))
        {
            Delivered.Add(outcome.Count(), new("consumer", consumer), new("outcome", outcome.Key));
        }
    }

    private static string WordOf(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Done => "done",
        DeliveryOutcome.Failed => "failed",
        DeliveryOutcome.NotItsTurn => "not_its_turn",
        DeliveryOutcome.Undecodable => "undecodable",
        _ => throw new UnreachableException($"A delivery that is {outcome} has no word."),
    };
}
