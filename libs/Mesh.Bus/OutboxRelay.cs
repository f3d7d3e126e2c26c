using System.Diagnostics;
using Mesh.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus;

/// <summary>Carries committed outbox rows to the bus, in order per key, until the bus has them.</summary>
/// <remarks>
/// Crash safe by repetition: a row is deleted only after the bus has it durably, and a claim that nobody settles ends with the
/// connection of the relay that made it, or after 30 s. Any number of replicas may relay the same outbox.
/// </remarks>
public sealed class OutboxRelay(NpgsqlDataSource store, IBusTransport bus, OutboxSignal signal, ILogger<OutboxRelay> log) : BackgroundService
{
    /// <summary>The net under the signal: finds what a crash or another replica left behind.</summary>
    /// <remarks>
    /// With the consumer's poll this leaves an idle service room for one look each two seconds: one query a second in all.
    /// </remarks>
    private static readonly TimeSpan IdlePoll = TimeSpan.FromSeconds(5);

    // After something went by: what the bus refused is due again soon.
    private static readonly TimeSpan BusyPoll = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    // What is written within this moment leaves together, at the price of one message.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    // One fact after a quiet moment waits no longer than that. In a stream of them nobody waits for one: rounds keep this distance.
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(60);

    private readonly OutboxQueue queue = new(store);

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        for (var pause = TimeSpan.FromMilliseconds(100); !stoppingToken.IsCancellationRequested; pause = Longer(pause))
        {
            try
            {
                await RelayAsync(() => pause = TimeSpan.FromMilliseconds(100), stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // The outermost loop: whatever it was, the rows are still there and are tried again.
                log.RelayInterrupted(pause, error);
                await Task.Delay(pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RelayAsync(Action onSuccess, CancellationToken stop)
    {
        Guid[] sent = [];
        Guid[] refused = [];
        var poll = IdlePoll;
        var expired = 0L;

        // One connection for all rounds: while it lives, the claims are this relay's.
        await using var connection = await store.OpenConnectionAsync(stop);
        while (true)
        {
            var round = Stopwatch.GetTimestamp();

            // Under a load that never pauses, too: another relay may have died with claims.
            var expire = sent.Length == 0 || Stopwatch.GetElapsedTime(expired) > OutboxQueue.ExpireEvery;
            expired = expire ? round : expired;
            var claim = await OutboxQueue.NextAsync(connection, sent, refused, expire, CancellationToken.None);
            onSuccess();
            (sent, refused) = ([], []);
            if (claim.Messages.Count > 0)
            {
                (sent, refused) = await SendAsync(claim.Messages, stop);
                poll = BusyPoll;
            }
            else
            {
                await signal.WaitAsync(Earlier(claim.BlockedFor, poll), stop);
                poll = Earlier(poll * 2, IdlePoll);
            }

            if (claim.Messages.Count < OutboxQueue.BatchMax)
            {
                await Task.Delay(Later(Gathering, Spacing - Stopwatch.GetElapsedTime(round)), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (stop.IsCancellationRequested)
            {
                await queue.SettleAsync(sent, refused, CancellationToken.None);
                return;
            }
        }
    }

    private async Task<(Guid[] Sent, Guid[] Refused)> SendAsync(IReadOnlyList<Envelope> messages, CancellationToken stop)
    {
        var all = messages.Select(message => message.Id).ToArray();
        using var traces = MessageTraces.Send(messages);
        try
        {
            var accepted = await bus.SendAsync(traces?.Messages ?? messages, stop);
            var refused = all.Where(id => !accepted.Contains(id)).ToArray();
            SendingMetrics.Count(all.Length - refused.Length, refused.Length);
            if (refused.Length > 0)
            {
                log.Unroutable(refused.Length, string.Join(", ", messages.Where(message => !accepted.Contains(message.Id)).Select(message => message.Type).Distinct()));
            }

            return ([.. all.Where(accepted.Contains)], refused);
        }
        catch (Exception)
        {
            // Given back at once: while the bus is gone, the rows wait and this relay pauses, not each row.
            await queue.SettleAsync([], all, CancellationToken.None);
            throw;
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => Earlier(pause * 2, PauseMax);

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
