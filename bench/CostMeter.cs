using System.Globalization;
using Npgsql;

namespace Mesh.Bench;

/// <summary>Measures what a mesh spends on a piece of work, from outside: <c>/proc</c>, the services' own metrics, and PostgreSQL's log.</summary>
internal sealed class CostMeter : IAsyncDisposable
{
    private const string Allocated = "dotnet_gc_heap_total_allocated_bytes_total ";

    private readonly BenchMesh mesh;
    private readonly HttpClient http = new();
    private readonly NpgsqlConnection connection;

    private CostMeter(BenchMesh mesh, NpgsqlConnection connection)
    {
        this.mesh = mesh;
        this.connection = connection;
    }

    public static async Task<CostMeter> StartAsync(BenchMesh mesh, CancellationToken stop)
    {
        var connection = new NpgsqlConnection(mesh.Postgres);
        await connection.OpenAsync(stop);

        // What is measured must not be recycled before it is counted.
        foreach (var statement in (string[])["create extension if not exists pg_walinspect", "alter system set wal_keep_size = '4GB'", "select pg_reload_conf()"])
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(stop);
        }

        return new CostMeter(mesh, connection);
    }

    /// <summary>Does the work and answers what it cost.</summary>
    public async Task<Cost> OfAsync(Func<Task> work, CancellationToken stop)
    {
        var allocated = await AllocatedKiBAsync(stop);
        var at = await WalAsync(stop);
        var cpu = mesh.CpuMs();
        await work();
        var spent = mesh.CpuMs().Since(cpu);
        var (commits, kib) = await WrittenSinceAsync(at, stop);

        return new Cost(spent, (await AllocatedKiBAsync(stop)).Since(allocated), commits, kib);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await connection.DisposeAsync();
    }

    private async Task<Usage> AllocatedKiBAsync(CancellationToken stop)
    {
        var services = await Task.WhenAll(mesh.Health.Select(async service =>
        {
            var text = await http.GetStringAsync(new Uri(service.Value, "/metrics"), stop);
            var line = text.Split('\n').Single(line => line.StartsWith(Allocated, StringComparison.Ordinal));

            return KeyValuePair.Create(service.Key, double.Parse(line[Allocated.Length..], CultureInfo.InvariantCulture) / 1024);
        }));

        return new Usage(new Dictionary<string, double>(services), 0);
    }

    private async Task<string> WalAsync(CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("select pg_current_wal_flush_lsn()::text", connection);

        return (string)(await command.ExecuteScalarAsync(stop))!;
    }

    // Commits as the log has them: transactions that only read have none there.
    private async Task<(double Commits, double KiB)> WrittenSinceAsync(string at, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            """
            select coalesce(sum(count) filter (where "resource_manager/record_type" like 'Transaction/COMMIT%'), 0)::float8,
              (pg_wal_lsn_diff(pg_current_wal_flush_lsn(), $1::pg_lsn) / 1024)::float8
            from pg_get_wal_stats($1::pg_lsn, pg_current_wal_flush_lsn(), true)
            """,
            connection)
        {
            Parameters = { new NpgsqlParameter { Value = at, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text } },
        };
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);

        return (row.GetDouble(0), row.GetDouble(1));
    }
}
