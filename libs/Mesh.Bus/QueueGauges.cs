using System.Diagnostics.Metrics;
using Mesh.ServiceHost;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus;

/// <summary>Shows how much waits for the consumers of this service.</summary>
internal sealed class QueueGauges : SampledGauges
{
    private readonly IQueueDepths depths;
    private readonly Delivery delivery;
    private IReadOnlyDictionary<string, QueueDepth> seen = new Dictionary<string, QueueDepth>();

    public QueueGauges(IQueueDepths depths, Delivery delivery, IMeterFactory meters, TimeProvider clock, ILogger<QueueGauges> log)
        : base(clock, log)
    {
        this.depths = depths;
        this.delivery = delivery;
        var meter = meters.Create(MeshSemantics.Meter);
        meter.CreateObservableGauge("mesh.bus.queue.depth", () => Of(depth => depth.Waiting), "{message}", "Messages that wait for a consumer of this service.");
        meter.CreateObservableGauge("mesh.bus.queue.deferred", () => Of(depth => depth.Deferred), "{message}", "Messages that failed and wait for their next attempt; on RabbitMQ also those that wait behind them.");
        meter.CreateObservableGauge("mesh.bus.dead_letters", () => Of(depth => depth.DeadLetters), "{message}", "Messages that are parked until a person retries or discards them.");
    }

    protected override async Task SampleAsync(CancellationToken stop)
    {
        var looked = new Dictionary<string, QueueDepth>();

        foreach (var consumer in delivery.Subscriptions.Keys)
        {
            looked[consumer] = await depths.LookAsync(consumer, stop);
        }

        seen = looked;
    }

    protected override void Forget() => seen = new Dictionary<string, QueueDepth>();

    private IEnumerable<Measurement<long>> Of(Func<QueueDepth, long> kind)
    {
        Read();

        return seen.Select(pair => new Measurement<long>(kind(pair.Value), new KeyValuePair<string, object?>("consumer", pair.Key)));
    }
}
