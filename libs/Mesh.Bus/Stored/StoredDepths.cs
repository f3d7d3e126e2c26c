using Npgsql;

namespace Mesh.Bus.Stored;

/// <summary>Counts a consumer's rows in a table of messages, each kind by its own partial index.</summary>
internal sealed class StoredDepths(string table, NpgsqlDataSource bus) : IQueueDepths
{
    // A backlog of millions is told from this one by its age, and must not cost a scan every time.
    private const int CountMax = 100_000;

    private readonly string sql = $"""
        select (select count(*) from (select from {table} where consumer = $1 and state = 0 limit {CountMax}) w)
             + (select count(*) from (select from {table} where consumer = $1 and state = 1 limit {CountMax}) c),
               (select count(*) from (select from {table} where consumer = $1 and state = 0 and attempts > 0 limit {CountMax}) r),
               (select count(*) from (select from {table} where consumer = $1 and state = 2 limit {CountMax}) p)
        """;

    /// <inheritdoc />
    public async Task<QueueDepth> LookAsync(string consumer, CancellationToken stop)
    {
        await using var command = bus.CreateCommand(sql);
        command.Parameters.Add(new() { Value = consumer });
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);

        return new(row.GetInt64(0) - row.GetInt64(1), row.GetInt64(1), row.GetInt64(2));
    }
}
