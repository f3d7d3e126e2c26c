using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus;

/// <summary>Subscribes the consumers of this service, and runs them until it stops.</summary>
public sealed class BusConsumers(IBusTransport bus, Delivery delivery, ILogger<BusConsumers> log) : BackgroundService
{
    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        await Task.WhenAll(delivery.Subscriptions.Select(pair => RunAsync(pair.Key, pair.Value, stoppingToken)));
    }

    private async Task RunAsync(string consumer, string[] types, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await bus.SubscribeAsync(consumer, types, stop);
                await bus.ConsumeAsync(consumer, delivery, stop);
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // The outermost loop: what was claimed comes back by itself.
                log.ConsumerInterrupted(consumer, error);
                DeliveryMetrics.Interrupt(consumer);
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(300, 700)), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
