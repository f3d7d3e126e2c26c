using Mesh.Bus.Stored;
using RabbitMQ.Client;

namespace Mesh.Bus.Rabbit;

/// <summary>What the broker holds for a consumer, and what its store put aside.</summary>
/// <remarks>One connection for all looks: a broker writes two lines into its log for each that comes and goes.</remarks>
internal sealed class BrokerDepths(Uri url, StoredDepths deferred) : IQueueDepths, IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim looking = new(1);
    private IConnection? connection;

    /// <inheritdoc />
    public async Task<QueueDepth> LookAsync(string consumer, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        await looking.WaitAsync(patience.Token);

        try
        {
            var onBroker = await CountAsync(consumer, patience.Token);
            var aside = await deferred.LookAsync(consumer, stop);

            return new(onBroker, aside.Waiting + aside.Deferred, aside.DeadLetters);
        }
        finally
        {
            looking.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        looking.Dispose();
    }

    private async Task<long> CountAsync(string consumer, CancellationToken stop)
    {
        try
        {
            connection ??= await BrokerConnection.OpenAsync(url, stop);
            await using var channel = await connection.CreateChannelAsync(cancellationToken: stop);

            return (await channel.QueueDeclarePassiveAsync(Topology.QueueOf(consumer), stop)).MessageCount
                + (await channel.QueueDeclarePassiveAsync(Topology.DeadOf(consumer), stop)).MessageCount;
        }
        catch
        {
            // Broken, or nobody can tell: the next look begins anew.
            await CloseAsync();
            throw;
        }
    }

    private async Task CloseAsync()
    {
        var last = connection;
        connection = null;

        if (last is not null)
        {
            await last.DisposeAsync();
        }
    }
}
