using System.Threading.Channels;
using MassTransit;

namespace Mesh.Bus.Rabbit;

/// <summary>What MassTransit hands each delivery of one queue to. It is answered when it is settled, together with whatever waited then.</summary>
internal sealed class Intake(Func<IReadOnlyList<Arrival>, CancellationToken, Task> settle) : IFilter<ReceiveContext>
{
    /// <summary>As many as one transaction takes. The broker sends no more than these ahead.</summary>
    public const int BatchMax = 64;

    // A delivery that the broker sent and that never gets here would hold up all behind it: then everything is asked for again.
    private static readonly TimeSpan GapMax = TimeSpan.FromSeconds(10);

    private readonly Channel<Arrival> arrivals = Channel.CreateUnbounded<Arrival>(new() { SingleReader = true });

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

    /// <summary>Settles deliveries, in their order, until stopped. What is not settled then goes back to the broker.</summary>
    /// <exception cref="TimeoutException">A delivery got lost on its way here.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var line = new DeliveryLine();
        IReadOnlyList<Arrival> batch = [];

        try
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
        finally
        {
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
        }
    }
}
