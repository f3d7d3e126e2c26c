using Mesh.Bus.Stored;
using Mesh.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mesh.Bus.Rabbit;

/// <summary>Where a service keeps what the broker delivered and it could not handle yet, so that the queue behind it goes on.</summary>
/// <remarks>
/// A broker's queue knows no keys: given back, one message would hold up all, and put behind the others it would lose its turn.
/// So it waits here, with whatever comes after it in its key, is tried again after its pauses, and is parked here in the end.
/// </remarks>
public sealed class Deferred
{
    /// <summary>The table, for a migration of a consumer's own schema.</summary>
    public static string Table { get; } = MessageTable.Of(Name);

    /// <summary>For a migration after the table's: by which connection a row is claimed, so that the claims of a dead one end with it.</summary>
    public static string Claimant { get; } = MessageTable.ClaimantOf(Name);

    /// <summary>For a later migration: as <see cref="Outbox.KeyIndex"/>.</summary>
    public static string KeyIndex { get; } = MessageTable.KeyIndexOf(Name);

    internal const string Name = "deferred";

    private const string HeldKeys = $"""
        select distinct k.tenant_id, k.key from unnest($2, $3) as k (tenant_id, key)
        cross join lateral (select from {Name} d where d.consumer = $1 and d.tenant_id = k.tenant_id and d.key = k.key limit 1) held
        """;

    private const string Insert = $"""
        insert into {Name} (consumer, id, tenant_id, key, key_seq, type, traceparent, body, state, not_before, attempts, error)
        select $1, id, tenant_id, key, key_seq, type, traceparent, body, state, clock_timestamp() + pause * interval '1 s', attempts, error
        from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
          as m (id, tenant_id, key, key_seq, type, traceparent, body, state, pause, attempts, error)
        on conflict do nothing
        """;

    private readonly string consumer;
    private readonly NpgsqlDataSource store;

    internal Deferred(string consumer, NpgsqlDataSource store)
    {
        this.consumer = consumer;
        this.store = store;
    }

    /// <summary>Of the keys of these messages, those of which something waits here: what comes now must wait behind it.</summary>
    internal async Task<IReadOnlySet<(string Tenant, string Key)>> HeldKeysAsync(IEnumerable<Envelope> messages, CancellationToken stop)
    {
        var keys = messages.Select(message => (message.Tenant, message.Key)).Distinct().ToList();
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new($"select {HotPlans.Local}"));
        batch.BatchCommands.Add(new(HeldKeys)
        {
            Parameters =
            {
                new() { Value = consumer },
                new() { Value = keys.Select(key => key.Tenant).ToArray() },
                new() { Value = keys.Select(key => key.Key).ToArray() },
            },
        });
        await batch.PrepareAsync(stop);
        var held = new HashSet<(string, string)>();
        await using var rows = await batch.ExecuteReaderAsync(stop);
        await rows.NextResultAsync(stop);
        while (await rows.ReadAsync(stop))
        {
            held.Add((rows.GetString(0), rows.GetString(1)));
        }

        return held;
    }

    /// <summary>Keeps messages here, durably. Those that are here already stay as they are.</summary>
    internal async Task AddAsync(IReadOnlyList<Deferral> deferrals, CancellationToken stop)
    {
        const NpgsqlDbType array = NpgsqlDbType.Array;
        await using var command = store.CreateCommand(Insert);
        command.Parameters.Add(new() { Value = consumer });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.Id).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.Tenant).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.Key).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.KeySequence).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.Type).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.TraceParent).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Message.Body).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => (short)(one.IsParked ? 2 : 0)).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Pause.TotalSeconds).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Attempts).ToArray() });
        command.Parameters.Add(new() { Value = deferrals.Select(one => one.Error?.Replace('\0', ' ')).ToArray(), NpgsqlDbType = array | NpgsqlDbType.Text });
        await command.ExecuteNonQueryAsync(stop);
    }
}

/// <summary>A message that has to wait, or is parked.</summary>
/// <param name="Message">The message.</param>
/// <param name="Attempts">How often it was handled in vain.</param>
/// <param name="Pause">How long it rests before the next attempt.</param>
/// <param name="IsParked">Nothing happens to it before a person says so.</param>
/// <param name="Error">What the last attempt said.</param>
internal sealed record Deferral(Envelope Message, int Attempts = 0, TimeSpan Pause = default, bool IsParked = false, string? Error = null);
