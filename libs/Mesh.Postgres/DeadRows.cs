using Npgsql;

namespace Mesh.Postgres;

/// <summary>Deletes rows that nobody can ask about any more, some at a time, so that no trim holds many locks or an old snapshot.</summary>
public static class DeadRows
{
    /// <summary>Rows of one transaction.</summary>
    public const int AtOnce = 5_000;

    /// <summary>Deletes all rows of which <paramref name="areDead"/> holds; answers how many went.</summary>
    /// <param name="store">The service's store.</param>
    /// <param name="table">The table, as the service's own code names it.</param>
    /// <param name="areDead">
    /// A condition in SQL, of the service's own code; <c>$1</c> is <paramref name="retention"/>. The time in it is <c>now()</c>: it is
    /// the same for the whole statement, so that an index by age is of use.
    /// </param>
    /// <param name="retention">How long rows are kept; null where the condition does not ask.</param>
    /// <param name="stop">Ends the work after the rows that went.</param>
    public static async Task<long> DeleteAsync(NpgsqlDataSource store, string table, string areDead, TimeSpan? retention, CancellationToken stop = default)
    {
        var gone = 0L;

        while (true)
        {
            // A row that somebody holds is not dead, whatever its age.
            await using var command = store.CreateCommand(
                $"""
                with dead as materialized (select ctid from {table} where {areDead} limit {AtOnce} for update skip locked)
                delete from {table} t using dead where t.ctid = dead.ctid
                """);
            if (retention is { } age)
            {
                command.Parameters.Add(new() { Value = age });
            }

            var went = await command.ExecuteNonQueryAsync(stop);
            gone += went;

            if (went < AtOnce)
            {
                return gone;
            }
        }
    }
}
