using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus.Stored;

/// <summary>Tells consumers that something came, at most every 50 ms; polling is the truth.</summary>
internal sealed class ConsumerHints(NpgsqlDataSource bus, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly HashSet<string> pending = new(StringComparer.Ordinal);
    private Task speaking = Task.CompletedTask;
    private bool isSpeaking;

    public static string ChannelOf(string consumer) => $"bus_{consumer}";

    public void Raise(IReadOnlyCollection<string> consumers)
    {
        if (consumers.Count == 0)
        {
            return;
        }

        lock (gate)
        {
            pending.UnionWith(consumers);
            if (!isSpeaking)
            {
                isSpeaking = true;
                speaking = Task.Run(SpeakAsync);
            }
        }
    }

    public async ValueTask DisposeAsync() => await speaking;

    private async Task SpeakAsync()
    {
        while (TakePending() is { Length: > 0 } consumers)
        {
            try
            {
                await using var command = bus.CreateCommand("select pg_notify(channel, '') from unnest($1) as channel");
                command.Parameters.Add(new() { Value = consumers.Select(ChannelOf).ToArray() });
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception error) when (error is NpgsqlException or ObjectDisposedException)
            {
                log.HintLost(error);
            }

            await Task.Delay(Spacing);
        }
    }

    private string[] TakePending()
    {
        lock (gate)
        {
            string[] taken = [.. pending];
            pending.Clear();
            isSpeaking = taken.Length > 0;

            return taken;
        }
    }
}
