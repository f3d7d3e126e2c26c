using System.Threading.Channels;
using MassTransit;
using MassTransit.RabbitMqTransport;
using RabbitMQ.Client;

namespace Mesh.Bus.Rabbit;

/// <summary>What MassTransit hands each delivery of one queue to. It is answered when it is settled, together with whatever waited then.</summary>
internal sealed class Intake(Func<IReadOnlyList<Arrival>, CancellationToken, Task> settle) : IFilter<ReceiveContext>
{
    /// <summary>As many as one transaction takes. The broker sends no more than these ahead.</summary>
    public const int BatchMax = 128;

    /// <summary>What is closed and not yet said to be so is left to itself after this.</summary>
    public static readonly TimeSpan ClosingMax = TimeSpan.FromSeconds(5);

    // A delivery that the broker sent and that never gets here would hold up all behind it: then everything is asked for again.
    private static readonly TimeSpan GapMax = TimeSpan.FromSeconds(10);

    private readonly Channel<Arrival> arrivals = Channel.CreateUnbounded<Arrival>(new() { SingleReader = true });
    private readonly DeliveryLine line = new();
    private IReadOnlyList<Arrival> batch = [];
    private volatile ChannelContext? channel;

    /// <summary>The channel by which deliveries come from now on.</summary>
    public void Use(ChannelContext opened) => channel = opened;

    /// <inheritdoc />
    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var arrival = Arrival.Of(context);

        if (!arrivals.Writer.TryWrite(arrival))
        {
            arrival.GiveBack();
        }

        await arrival.Answer;
    }

    /// <inheritdoc />
    public void Probe(ProbeContext context) => context.CreateFilterScope("mesh");

    /// <summary>Settles deliveries, in their order, until stopped.</summary>
    /// <exception cref="TimeoutException">A delivery got lost on its way here.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            var more = arrivals.Reader.WaitToReadAsync(stop).AsTask();
            await (line.HasGap ? more.WaitAsync(GapMax, stop) : more);

            do
            {
                while (arrivals.Reader.TryRead(out var arrival))
                {
                    line.Add(arrival);
                }

                batch = line.Take(BatchMax);

                if (batch.Count > 0)
                {
                    await settle(batch, stop);
                }

                foreach (var arrival in batch)
                {
                    arrival.Accept();
                }
            }
            while (batch.Count > 0);
        }
    }

    /// <summary>Gives everything that is not settled back at once, in its order, by closing the channel. Call when <see cref="RunAsync"/> has ended.</summary>
    /// <remarks>
    /// Given back one by one, deliveries would come again in the order of that, and the next consumer would begin before the last
    /// of them was back.
    /// </remarks>
    public async Task CloseAsync()
    {
        var closing = channel is { } open ? await CloseAsync(open.Channel) : Task.CompletedTask;
        arrivals.Writer.Complete();
        line.GiveBack();

        foreach (var arrival in batch)
        {
            arrival.GiveBack();
        }

        while (arrivals.Reader.TryRead(out var arrival))
        {
            arrival.GiveBack();
        }

        // The client was seen to wait for ever for its own dispatcher, long after the channel had closed.
        await closing.WaitAsync(ClosingMax).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // Returns once the channel is closed. Its closing is complete only when all deliveries are answered, which they are afterwards.
    private static async Task<Task> CloseAsync(IChannel open)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        open.ChannelShutdownAsync += (_, _) =>
        {
            closed.TrySetResult();
            return Task.CompletedTask;
        };
        var closing = open.CloseAsync();
        await Task.WhenAny(closed.Task, closing);
        return closing;
    }
}
