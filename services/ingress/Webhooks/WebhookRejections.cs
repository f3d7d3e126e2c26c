using System.Diagnostics.Metrics;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Webhooks;

/// <summary>Counts deliveries that started nothing, by reason, in the metric <c>mesh.webhook.rejected</c>: the reason that their senders are not told.</summary>
internal sealed class WebhookRejections
{
    private readonly Counter<long> counter;

    public WebhookRejections(IMeterFactory meters) => counter = meters.Create(MeshSemantics.Meter).CreateCounter<long>("mesh.webhook.rejected", "{delivery}", "Deliveries that started nothing, by what was wrong with them.");

    public void Count(string reason) => counter.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
