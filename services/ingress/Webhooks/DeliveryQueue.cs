using System.Diagnostics;
using System.Diagnostics.Metrics;
using Google.Protobuf;
using Mesh.Bus;
using Mesh.Postgres;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Webhooks;

/// <summary>Where a verified delivery goes when no orchestrator takes it: to a queue of the broker that the orchestrator consumes, if there is a broker.</summary>
/// <remarks>
/// Ingress keeps nothing, so what the broker did not confirm is the sender's to send again. A delivery that the orchestrator took after all
/// becomes one task all the same: its replay key is in that task's transaction.
/// </remarks>
internal sealed class DeliveryQueue(ILogger<DeliveryQueue> log, IMeterFactory meters, IBusSender? broker = null)
{
    private readonly Counter<long> queued = meters.Create(MeshSemantics.Meter).CreateCounter<long>(
        "mesh.webhook.queued", "{delivery}", "Deliveries that no orchestrator took and that were offered to the broker, by what it said.");

    /// <summary>Whether the delivery is durable on the broker now.</summary>
    public async Task<bool> TryAddAsync(Orchestrator.V1.SubmitWebhookRequest delivery)
    {
        if (broker is null)
        {
            return false;
        }

        // The largest bodies do not fit into a message together with what goes with them.
        var isAccepted = delivery.CalculateSize() <= Envelope.BodyBytesMax && await SendAsync(delivery, broker);
        queued.Add(1, new KeyValuePair<string, object?>("outcome", isAccepted ? "accepted" : "refused"));

        return isAccepted;
    }

    private async Task<bool> SendAsync(Orchestrator.V1.SubmitWebhookRequest delivery, IBusSender broker)
    {
        // A key of its own: deliveries wait for repeats of themselves and for nothing else.
        var message = new Envelope(
            Guid.CreateVersion7(),
            delivery.Tenant,
            $"{delivery.Webhook}/{delivery.ReplayKey}",
            0,
            Orchestrator.V1.SubmitWebhookRequest.Descriptor.FullName,
            Activity.Current?.Id,
            delivery.ToByteArray());

        try
        {
            // Not the sender's patience: it may hang up and need not send again.
            return (await broker.SendAsync([message], CancellationToken.None)).Contains(message.Id);
        }
        catch (Exception error)
        {
            // Whatever it was, nothing is promised; most of the time the broker is away too.
            log.QueueNotReached(delivery.Tenant, delivery.Webhook, error);
            return false;
        }
    }
}
