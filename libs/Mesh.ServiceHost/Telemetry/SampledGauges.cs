using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Mesh.ServiceHost;

/// <summary>Looks every 30 seconds at what only a query can tell, while somebody reads the metrics, and keeps it for them.</summary>
/// <remarks>
/// Readers cost the store the same, however many and however often; a service that nobody watches asks it nothing. So the first reading
/// after a while has no value yet, and what could not be looked at has none until it can.
/// </remarks>
public abstract class SampledGauges(TimeProvider clock, ILogger log) : BackgroundService
{
    // With what services look at by the clock anyway, three of these leave one of them at one query a second.
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    // Longer than the pace of any reader.
    private static readonly TimeSpan ReadFor = TimeSpan.FromMinutes(5);

    // Room for one: a second reader adds nothing to the first.
    private readonly Channel<bool> reading = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private long readAt;

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();

        while (await IsReadAsync(stoppingToken))
        {
            try
            {
                await SampleAsync(stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                // The outermost loop: an old value would be believed.
                Forget();
                log.NotSampled(GetType().Name, error.GetType().Name);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Somebody reads. Gauges call it each time.</summary>
    protected void Read()
    {
        Interlocked.Exchange(ref readAt, clock.GetTimestamp());
        reading.Writer.TryWrite(true);
    }

    /// <summary>Somebody reads one value: it, or nothing while it is not known.</summary>
    protected Measurement<double>[] Of(double? value)
    {
        Read();

        return value is { } known ? [new(known)] : [];
    }

    /// <summary>Looks once.</summary>
    protected abstract Task SampleAsync(CancellationToken stop);

    /// <summary>What was seen is not known any more.</summary>
    protected abstract void Forget();

    // Waits until somebody reads; false when the service stops.
    private async Task<bool> IsReadAsync(CancellationToken stop)
    {
        // Whoever reads after this wakes it, whatever is found below.
        reading.Reader.TryRead(out _);

        if (Interlocked.Read(ref readAt) is var last && last != 0 && clock.GetElapsedTime(last) < ReadFor)
        {
            return !stop.IsCancellationRequested;
        }

        Forget();
        await ((Task)reading.Reader.WaitToReadAsync(stop).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        return !stop.IsCancellationRequested;
    }
}
