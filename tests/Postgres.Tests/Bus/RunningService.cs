using Mesh.Bus;
using Mesh.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>The relay or the consumers of one process, stopped at the end of the test.</summary>
internal sealed class RunningService : IAsyncDisposable
{
    private readonly IHostedService service;
    private readonly IBusTransport bus;

    private RunningService(IHostedService service, IBusTransport bus)
    {
        this.service = service;
        this.bus = bus;
    }

    public static async Task<RunningService> RelayAsync(NpgsqlDataSource store, IBusTransport bus, OutboxSignal signal)
    {
        var relay = new RunningService(new OutboxRelay(store, bus, signal, NullLogger<OutboxRelay>.Instance), bus);
        await relay.service.StartAsync(CancellationToken.None);

        return relay;
    }

    /// <summary>Returns when the subscriptions stand, so that what is sent from now on is kept.</summary>
    public static async Task<RunningService> ConsumersAsync(NpgsqlDataSource store, IBusTransport bus, params IMessageHandler[] handlers)
    {
        var delivery = new Delivery(store, handlers, NullLogger<Delivery>.Instance);
        foreach (var (consumer, types) in delivery.Subscriptions)
        {
            await bus.SubscribeAsync(consumer, types, CancellationToken.None);
        }

        var consumers = new RunningService(new BusConsumers(bus, delivery, NullLogger<BusConsumers>.Instance), bus);
        await consumers.service.StartAsync(CancellationToken.None);

        return consumers;
    }

    public async ValueTask DisposeAsync()
    {
        await service.StopAsync(CancellationToken.None);
        (service as IDisposable)?.Dispose();
        if (bus is IAsyncDisposable open)
        {
            await open.DisposeAsync();
        }
    }
}
