using System.Diagnostics;
using MassTransit;
using Mesh.Bus.Stored;
using Mesh.Postgres;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus.Rabbit;

/// <summary>One consumer: what the broker delivers is handled at once, or deferred; what was deferred is tried again; dead letters are deferred too.</summary>
internal sealed class RabbitConsumer(
    string consumer, Deferred deferred, StoredConsumer retries, ConsumerHints hints, Delivery delivery, RetryPauses pauses, ILogger log)
{
    public async Task RunAsync(IBusControl bus, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var live = new Intake((arrivals, ended) => InsistAsync(() => HandleAsync(arrivals, ended), ended));
        var dead = new Intake((arrivals, ended) => InsistAsync(() => TakeDeadAsync(arrivals, ended), ended));
        var watch = new EndpointWatch();
        HostReceiveEndpointHandle[] endpoints =
        [
            Connect(bus, Topology.QueueOf(consumer), Topology.ArgumentsOf(consumer), live, watch),
            Connect(bus, Topology.DeadOf(consumer), Topology.ArgumentsOfDead(), dead, watch),
        ];
        Task[] loops =
        [
            live.RunAsync(ending.Token),
            dead.RunAsync(ending.Token),
            InsistAsync(() => retries.RunAsync(ending.Token), ending.Token),
            watch.Ended.WaitAsync(ending.Token),
        ];

        var first = await Task.WhenAny(loops);
        await ending.CancelAsync();
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(live.CloseAsync(), dead.CloseAsync());
        await Task.WhenAll(endpoints.Select(endpoint => endpoint.StopAsync(CancellationToken.None))).WaitAsync(Intake.ClosingMax, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private static HostReceiveEndpointHandle Connect(IBusControl bus, string queue, Dictionary<string, object?> arguments, Intake intake, EndpointWatch watch) =>
        bus.ConnectReceiveEndpoint(queue, endpoint =>
        {
            Topology.Describe((IRabbitMqReceiveEndpointConfigurator)endpoint, arguments);
            endpoint.PrefetchCount = Intake.BatchMax;
            endpoint.ConnectReceiveEndpointObserver(watch);
            ((IRabbitMqReceiveEndpointConfigurator)endpoint).ConfigureChannel(pipe => pipe.UseExecute(intake.Use));
            endpoint.ConfigureReceive(pipe => pipe.UseFilter(intake));
        });

    // The broker keeps what is not settled. While the store is away nothing is, however long that lasts: given back, it would
    // count as delivered in vain.
    private async Task InsistAsync(Func<Task> doAsync, CancellationToken stop)
    {
        for (; ; stop.ThrowIfCancellationRequested())
        {
            try
            {
                await doAsync();
                return;
            }
            catch (Exception error) when (!stop.IsCancellationRequested)
            {
                log.ConsumerInterrupted(consumer, error);
                DeliveryMetrics.Interrupt(consumer);
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(300, 700)), stop);
            }
        }
    }

    private async Task HandleAsync(IReadOnlyList<Arrival> arrivals, CancellationToken stop)
    {
        var messages = arrivals.Where(arrival => arrival.Trouble is null).Select(arrival => arrival.Message).DistinctBy(message => message.Id).ToList();
        var held = await deferred.HeldKeysAsync(messages, stop);
        var now = messages.Where(message => !held.Contains((message.Tenant, message.Key))).ToList();
        var outcomes = now.Count > 0 ? await delivery.DeliverAsync(consumer, now, stop) : [];
        List<Deferral> deferrals =
        [
            .. arrivals.Where(arrival => arrival.Trouble is not null).Select(arrival => Park(arrival.Message, 1, arrival.Trouble!)),
            .. now.Zip(outcomes, Defer).OfType<Deferral>(),
            .. messages.Where(message => held.Contains((message.Tenant, message.Key))).Select(message => new Deferral(message)),
        ];

        if (deferrals.Count > 0)
        {
            await DeferAsync(deferrals, stop);
        }
    }

    private async Task DeferAsync(IReadOnlyList<Deferral> deferrals, CancellationToken stop)
    {
        await deferred.AddAsync(deferrals, stop);

        foreach (var resting in deferrals.Where(one => one.Pause > TimeSpan.Zero))
        {
            retries.Expect(resting.Pause);
        }

        hints.Raise([consumer]);
    }

    private Deferral? Defer(Envelope message, DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Done => null,
        DeliveryOutcome.NotItsTurn => new Deferral(message),
        DeliveryOutcome.Undecodable undecodable => Park(message, 1, undecodable.Error),
        DeliveryOutcome.Failed failed when pauses.After(1) is { } pause => new Deferral(message, 1, pause, Error: failed.Error),
        DeliveryOutcome.Failed failed => Park(message, 1, failed.Error),
        _ => throw new UnreachableException($"A message that is {outcome} cannot be settled."),
    };

    private Deferral Park(Envelope message, int attempts, string error)
    {
        log.Parked(message.Id, message.Type, consumer, attempts, error);
        return new Deferral(message, attempts, IsParked: true, Error: error);
    }

    // It was near a crash each time. Maybe one beside it was to blame, so it is tried anew: the consumer's rows have limits of their own.
    private Task TakeDeadAsync(IReadOnlyList<Arrival> arrivals, CancellationToken stop) =>
        DeferAsync(
            [
                .. arrivals.DistinctBy(arrival => arrival.Message.Id).Select(arrival => arrival.Trouble is { } trouble
                    ? Park(arrival.Message, 1, trouble)
                    : new Deferral(arrival.Message, Error: $"It was delivered more than {Topology.DeliveryLimit} times and its consumer never answered.")),
            ],
            stop);
}
