using Npgsql;

namespace Mesh.Postgres;

/// <summary>Looks at the server before anything is entrusted to it.</summary>
public static class StoreChecks
{
    private const int MajorMin = 15;

    /// <summary>Throws <see cref="UnsafeStoreException"/> when a commit of this server would not mean durable.</summary>
    public static async Task RefuseUnsafeAsync(NpgsqlDataSource store, CancellationToken stop = default)
    {
        await using var command = store.CreateCommand(
            """
            select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
                   current_setting('synchronous_standby_names'), (select count(*) from pg_stat_replication),
                   current_setting('server_version_num')::int / 10000
            """);
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        if (row.GetInt32(5) < MajorMin)
        {
            throw new UnsafeStoreException($"PostgreSQL {row.GetInt32(5)} is too old: {MajorMin} or newer is needed.");
        }

        foreach (var (name, column) in ((string, int)[])[("fsync", 0), ("full_page_writes", 1), ("synchronous_commit", 2)])
        {
            if (row.GetString(column) == "off")
            {
                throw new UnsafeStoreException($"{name} is off: a power failure would lose what was acknowledged. Turn it on.");
            }
        }

        if (row.GetInt64(4) > 0 && row.GetString(3).Length == 0)
        {
            throw new UnsafeStoreException(
                "There are standbys and synchronous_standby_names is empty: a failover would lose what was acknowledged. Name the standbys.");
        }
    }
}
