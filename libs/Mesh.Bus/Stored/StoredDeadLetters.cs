using Npgsql;

namespace Mesh.Bus.Stored;

/// <summary>The parked rows of a table of messages.</summary>
internal sealed class StoredDeadLetters(string table, NpgsqlDataSource bus, ConsumerHints hints) : IDeadLetters
{
    private const string Head = "id, tenant_id, key, key_seq, type, traceparent";

    private const string Rest = "consumer, attempts, coalesce(error, ''), not_before";

    private readonly string listSql = $"""
        select {Head}, ''::bytea, {Rest} from {table}
        where state = 2 and (consumer = $1 or $1 is null) and id > $2 order by id limit $3
        """;

    private readonly string showSql = $"select {Head}, body, {Rest} from {table} where state = 2 and consumer = $1 and id = $2";

    private readonly string retrySql = $"""
        with gone as (
          update {table} set state = 0, attempts = 0, not_before = clock_timestamp()
          where consumer = $1 and id = $2 and state = 2 returning id
        )
        select count(*) from gone
        """;

    private readonly string discardSql = $"""
        with gone as (
          delete from {table} where consumer = $1 and id = $2 and state = 2 returning id
        )
        select count(*) from gone
        """;

    public async Task<IReadOnlyList<DeadLetter>> ListAsync(string? consumer, Guid after, int limit, CancellationToken stop)
    {
        await using var command = bus.CreateCommand(listSql);
        command.Parameters.Add(new() { Value = (object?)consumer ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = limit });
        var parked = new List<DeadLetter>();
        await using var rows = await command.ExecuteReaderAsync(stop);
        while (await rows.ReadAsync(stop))
        {
            parked.Add(Read(rows));
        }

        return parked;
    }

    public async Task<DeadLetter?> ShowAsync(string consumer, Guid id, CancellationToken stop)
    {
        await using var command = Of(showSql, consumer, id);
        await using var rows = await command.ExecuteReaderAsync(stop);

        return await rows.ReadAsync(stop) ? Read(rows) : null;
    }

    public Task<bool> RetryAsync(string consumer, Guid id, CancellationToken stop) => ChangeAsync(retrySql, consumer, id, stop);

    public Task<bool> DiscardAsync(string consumer, Guid id, CancellationToken stop) => ChangeAsync(discardSql, consumer, id, stop);

    private async Task<bool> ChangeAsync(string sql, string consumer, Guid id, CancellationToken stop)
    {
        await using var command = Of(sql, consumer, id);
        var isChanged = (long)(await command.ExecuteScalarAsync(stop))! == 1;
        hints.Raise(isChanged ? [consumer] : []);

        return isChanged;
    }

    private NpgsqlCommand Of(string sql, string consumer, Guid id)
    {
        var command = bus.CreateCommand(sql);
        command.Parameters.Add(new() { Value = consumer });
        command.Parameters.Add(new() { Value = id });

        return command;
    }

    private static DeadLetter Read(NpgsqlDataReader rows) =>
        new(rows.GetString(7), OutboxQueue.Read(rows), rows.GetInt32(8), rows.GetString(9), rows.GetFieldValue<DateTimeOffset>(10));
}
