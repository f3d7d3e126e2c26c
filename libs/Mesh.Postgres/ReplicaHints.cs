using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Wakes the other replicas of a service, through the store that they share. A hint may get lost: whoever waits for one looks again anyway.</summary>
/// <remarks>
/// A replica that knows of no other asks whether there is one, and tells nothing, so a lone one pays for no hint. It learns of others when they start, and forgets those
/// that were silent for <see cref="AliveFor"/>. Never part of a business transaction: the commit lock of NOTIFY is the whole cluster's.
/// </remarks>
/// <param name="channel">The service's name.</param>
/// <param name="store">Its store.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
public sealed class ReplicaHints(string channel, NpgsqlDataSource store, TimeProvider clock, ILogger<ReplicaHints> log) : BackgroundService
{
    // NOTIFY takes less than 8,000 bytes.
    private const int PayloadBytesMax = 7_500;
    private const string Hello = "hello";
    private const string Here = "here";
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan SayHereEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AliveFor = TimeSpan.FromSeconds(60);

    private readonly string self = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly Lock gate = new();
    private readonly HashSet<string> pending = new(StringComparer.Ordinal);
    private Task speaking = Task.CompletedTask;
    private bool isSpeaking;
    private long heardAt = long.MinValue;

    /// <summary>Raised with each hint of another replica, one after the other. Handlers MUST be quick.</summary>
    public event Action<string>? Heard;

    /// <summary>Whether another replica was heard of lately.</summary>
    public bool HasOthers => Volatile.Read(ref heardAt) is var at && at != long.MinValue && clock.GetElapsedTime(at) < AliveFor;

    /// <summary>Tells the other replicas within <c>25 ms</c>; the same hint meanwhile is told once. Costs nothing where there are none.</summary>
    /// <param name="hint">One line, at most 1,000 bytes.</param>
    public void Raise(string hint)
    {
        if (HasOthers)
        {
            Say(hint);
        }
    }

    /// <inheritdoc />
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await speaking.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // The outermost loop. Without hints all goes on, a little later.
                log.HintsInterrupted(error);
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(300, 700)), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        connection.Notification += Hear;

        try
        {
            await using (var listen = new NpgsqlCommand($"listen \"{Channel}\"", connection))
            {
                await listen.ExecuteNonQueryAsync(stop);
            }

            Say(Hello);
            var saidAt = clock.GetTimestamp();

            while (true)
            {
                // Also one that hears all the time and has nothing to tell. Asked again while nobody is known: the first word of two that
                // started together may have been lost.
                if (!await connection.WaitAsync(SayHereEvery, stop) || clock.GetElapsedTime(saidAt) >= SayHereEvery)
                {
                    Say(HasOthers ? Here : Hello);
                    saidAt = clock.GetTimestamp();
                }
            }
        }
        finally
        {
            connection.Notification -= Hear;
        }
    }

    private string Channel => $"replicas_{channel}";

    private void Hear(object sender, NpgsqlNotificationEventArgs notification)
    {
        var lines = notification.Payload.Split('\n');

        if (notification.Channel != Channel || lines[0] == self)
        {
            return;
        }

        Volatile.Write(ref heardAt, clock.GetTimestamp());

        foreach (var hint in lines.AsSpan(1))
        {
            switch (hint)
            {
                case Hello:
                    Say(Here);
                    break;

                case Here:
                    break;

                default:
                    Heard?.Invoke(hint);
                    break;
            }
        }
    }

    private void Say(string line)
    {
        lock (gate)
        {
            pending.Add(line);

            if (!isSpeaking)
            {
                isSpeaking = true;
                speaking = Task.Run(SpeakAsync);
            }
        }
    }

    private async Task SpeakAsync()
    {
        while (TakePending() is { Count: > 0 } payloads)
        {
            try
            {
                await using var command = store.CreateCommand("select pg_notify($1, payload) from unnest($2) as payload");
                command.Parameters.Add(new() { Value = Channel });
                command.Parameters.Add(new() { Value = payloads.ToArray() });
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception error) when (error is NpgsqlException or ObjectDisposedException)
            {
                log.HintsLost(error);
            }

            await Task.Delay(Spacing, clock);
        }
    }

    private List<string> TakePending()
    {
        var payloads = new List<string>();
        var (text, bytes) = (new StringBuilder(self), self.Length);

        lock (gate)
        {
            foreach (var line in pending)
            {
                var more = 1 + Encoding.UTF8.GetByteCount(line);

                if (bytes > self.Length && bytes + more > PayloadBytesMax)
                {
                    payloads.Add(text.ToString());
                    (text, bytes) = (new StringBuilder(self), self.Length);
                }

                text.Append('\n').Append(line);
                bytes += more;
            }

            if (bytes > self.Length)
            {
                payloads.Add(text.ToString());
            }

            pending.Clear();
            isSpeaking = payloads.Count > 0;
        }

        return payloads;
    }
}
