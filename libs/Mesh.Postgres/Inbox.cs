using Npgsql;

namespace Mesh.Postgres;

/// <summary>Remembers which messages had their effect, in the transaction of that effect.</summary>
public static class Inbox
{
    /// <summary>How long rows are kept: longer than any replay. A message that comes again later would have its effect again.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    /// <summary>The table, for a migration of the service's own schema. Rows are kept for <see cref="Retention"/>.</summary>
    public const string Table = """
        create table inbox (
          consumer text not null,
          message_id uuid not null,
          received_at timestamptz not null default clock_timestamp(),
          primary key (consumer, message_id)
        );
        create index inbox_by_age on inbox using brin (received_at);
        """;

    /// <summary>Records that a message has its effect in this transaction; false when it already had it.</summary>
    public static async Task<bool> AddAsync(NpgsqlTransaction effect, string consumer, Guid message, CancellationToken stop = default) =>
        (await AddAsync(effect, consumer, [message], stop)).Count == 1;

    /// <summary>Records several messages at once; answers those that are new.</summary>
    /// <remarks>Waits for a transaction that is recording the same message, so that of two only one has the effect.</remarks>
    public static async Task<IReadOnlySet<Guid>> AddAsync(
        NpgsqlTransaction effect, string consumer, Guid[] messages, CancellationToken stop = default)
    {
        // Sorted, so that two consumers that were given the same messages cannot wait for each other.
        await using var command = new NpgsqlCommand(
            """
            insert into inbox (consumer, message_id)
            select $1, id from unnest($2) as id order by id
            on conflict do nothing returning message_id
            """,
            effect.Connection,
            effect);
        command.Parameters.Add(new() { Value = consumer });
        command.Parameters.Add(new() { Value = messages });
        await command.PrepareAsync(stop);
        var added = new HashSet<Guid>();
        await using var rows = await command.ExecuteReaderAsync(stop);
        while (await rows.ReadAsync(stop))
        {
            added.Add(rows.GetGuid(0));
        }

        return added;
    }

    /// <summary>Forgets what is older than any replay can be; answers how many rows went.</summary>
    public static Task<long> TrimAsync(NpgsqlDataSource store, CancellationToken stop = default) =>
        DeadRows.DeleteAsync(store, "inbox", "received_at < now() - $1", Retention, stop);
}
