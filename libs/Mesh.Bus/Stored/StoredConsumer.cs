using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus.Stored;

/// <summary>One consumer's loop over its rows: claim, deliver, settle, and wait for a hint when there is nothing.</summary>
internal sealed class StoredConsumer(string table, string consumer, NpgsqlDataSource bus, Delivery delivery, RetryPauses pauses, ILogger log)
{
    // The net under the hints: finds what a sender committed and did not live to hint at.
    private static readonly TimeSpan IdlePoll = TimeSpan.FromSeconds(5);

    private readonly ConsumerQueue queue = new(table, consumer);
    private readonly ConcurrentQueue<TimeSpan> expected = new();
    private bool isHinted;

    /// <summary>When messages that cannot be handled now may be: all of these moments, since each may be another message's.</summary>
    private readonly SortedSet<long> retries = [];

    /// <summary>Something was put into the rows that may be tried after a pause, which a hint alone would not tell. Hint after this.</summary>
    public void Expect(TimeSpan pause) => expected.Enqueue(pause);

    public async Task RunAsync(CancellationToken stop)
    {
        // The same connection listens and claims: an idle consumer costs one backend.
        await using var connection = await bus.OpenConnectionAsync(stop);
        connection.Notification += OnHint;
        try
        {
            await using (var listen = new NpgsqlCommand($"listen \"{ConsumerHints.ChannelOf(consumer)}\"", connection))
            {
                await listen.ExecuteNonQueryAsync(stop);
            }

            await LoopAsync(connection, stop);
        }
        finally
        {
            connection.Notification -= OnHint;
        }
    }

    private void OnHint(object sender, NpgsqlNotificationEventArgs hint) => isHinted = true;

    private async Task LoopAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        IReadOnlyList<Settlement> settled = [];
        var expired = 0L;
        while (!stop.IsCancellationRequested)
        {
            isHinted = false;
            var expire = settled.Count == 0 || Stopwatch.GetElapsedTime(expired) > OutboxQueue.ExpireEvery;
            expired = expire ? Stopwatch.GetTimestamp() : expired;
            var claim = await queue.NextAsync(connection, settled, expire, CancellationToken.None);
            foreach (var blocked in claim.Blocked)
            {
                NoteRetry(blocked);
            }

            while (expected.TryDequeue(out var pause))
            {
                NoteRetry(pause);
            }

            // Only now does the store count their pauses: looked for any earlier, they would not be due yet.
            foreach (var resting in settled.OfType<Settlement.Back>().Where(back => back.Counts))
            {
                NoteRetry(resting.Pause);
            }

            settled = [];
            if (claim.Messages.Count > 0)
            {
                settled = await DeliverAsync(connection, claim.Messages, stop);
            }

            if (stop.IsCancellationRequested)
            {
                await queue.SettleAsync(connection, settled, CancellationToken.None);
                return;
            }

            if (claim.Messages.Count == 0 && !claim.IsFull && !isHinted && Patience() is var wait && wait > TimeSpan.Zero)
            {
                await WaitAsync(connection, wait, stop);
            }
        }
    }

    private async Task<IReadOnlyList<Settlement>> DeliverAsync(
        NpgsqlConnection connection, IReadOnlyList<ClaimedMessage> claimed, CancellationToken stop)
    {
        try
        {
            var outcomes = await delivery.DeliverAsync(consumer, [.. claimed.Select(one => one.Message)], stop);

            return [.. claimed.Zip(outcomes, Settle)];
        }
        catch (Exception)
        {
            // Stopped, or the store is gone: no message is to blame, so the attempt does not count.
            await queue.SettleAsync(connection, [.. claimed.Select(one => new Settlement.Back(one.Message.Id, TimeSpan.Zero, Counts: false, null))], CancellationToken.None);
            throw;
        }
    }

    private Settlement Settle(ClaimedMessage claimed, DeliveryOutcome outcome)
    {
        var (message, attempts) = claimed;
        switch (outcome)
        {
            case DeliveryOutcome.Done:
                return new Settlement.Done(message.Id);

            // The queue itself holds it back until the one before it is through.
            case DeliveryOutcome.NotItsTurn:
                return new Settlement.Back(message.Id, TimeSpan.Zero, Counts: false, null);

            case DeliveryOutcome.Failed failed when pauses.After(attempts) is { } pause:
                return new Settlement.Back(message.Id, pause, Counts: true, failed.Error);

            case DeliveryOutcome.Failed failed:
                log.Parked(message.Id, message.Type, consumer, attempts, failed.Error);
                return new Settlement.Parked(message.Id, failed.Error);

            case DeliveryOutcome.Undecodable undecodable:
                log.Parked(message.Id, message.Type, consumer, attempts, undecodable.Error);
                return new Settlement.Parked(message.Id, undecodable.Error);

            default:
                throw new UnreachableException($"A message that is {outcome} cannot be settled.");
        }
    }

    private void NoteRetry(TimeSpan wait)
    {
        if (wait < TimeSpan.FromHours(2))
        {
            // Moments this close together are one, so that there are never many.
            var grain = Stopwatch.Frequency / 100;
            var at = Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);
            retries.Add((at / grain + 1) * grain);
        }
    }

    private TimeSpan Patience()
    {
        var now = Stopwatch.GetTimestamp();
        if (retries.RemoveWhere(at => at <= now) > 0)
        {
            return TimeSpan.Zero;
        }

        return retries.Count > 0 && Stopwatch.GetElapsedTime(now, retries.Min) is var wait && wait < IdlePoll ? wait : IdlePoll;
    }

    private static async Task WaitAsync(NpgsqlConnection connection, TimeSpan wait, CancellationToken stop)
    {
        try
        {
            // In whole milliseconds, and none of them would be for ever.
            await connection.WaitAsync(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(wait.TotalMilliseconds))), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The loop sees it. Nothing is claimed at this point.
        }
    }
}
