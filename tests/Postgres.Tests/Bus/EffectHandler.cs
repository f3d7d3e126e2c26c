using System.Collections.Concurrent;
using Mesh.Bus;
using Mesh.Postgres;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>Writes one row per message, and does before it what a test wants to go wrong.</summary>
internal sealed class EffectHandler(string consumer, string type, Func<Envelope, Task>? before = null) : IMessageHandler
{
    public ConcurrentQueue<Guid> Deliveries { get; } = new();

    public string Consumer => consumer;

    public IReadOnlyCollection<string> Types => [type];

    public async Task<Action?> HandleAsync(Envelope message, NpgsqlTransaction effect, CancellationToken stop)
    {
        Deliveries.Enqueue(message.Id);
        await (before?.Invoke(message) ?? Task.CompletedTask);
        await using var command = new NpgsqlCommand("insert into effects (key, key_seq) values ($1, $2)", effect.Connection, effect);
        command.Parameters.Add(new() { Value = $"{consumer}/{message.Key}" });
        command.Parameters.Add(new() { Value = message.KeySequence });
        await command.ExecuteNonQueryAsync(stop);
        return null;
    }
}
