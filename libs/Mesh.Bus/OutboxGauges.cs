using System.Diagnostics.Metrics;
using Mesh.ServiceHost;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus;

/// <summary>Shows how much waits in this service's outbox, and since when.</summary>
internal sealed class OutboxGauges : SampledGauges
{
    private const int CountMax = 100_000;

    // Ids are made in the order of time, so the first row is the oldest, and there is an index for it.
    private static readonly string Sql = $"""
        select (select count(*) from (select from outbox limit {CountMax}) o),
               coalesce((select extract(epoch from clock_timestamp() - created_at) from outbox order by id limit 1), 0)::float8
        """;

    private readonly NpgsqlDataSource store;
    private (long Depth, double Age)? seen;

    public OutboxGauges(NpgsqlDataSource store, IMeterFactory meters, TimeProvider clock, ILogger<OutboxGauges> log)
        : base(clock, log)
    {
        this.store = store;
        var meter = meters.Create(MeshSemantics.Meter);
        meter.CreateObservableGauge("mesh.outbox.depth", () => Of(seen?.Depth), "{message}", "Messages that wait in the outbox of this service; more than 100,000 are not counted.");
        meter.CreateObservableGauge("mesh.outbox.age", () => Of(seen?.Age), "s", "Age of the oldest message in the outbox; 0 when there is none.");
    }

    protected override async Task SampleAsync(CancellationToken stop)
    {
        await using var command = store.CreateCommand(Sql);
        await using var row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        seen = (row.GetInt64(0), Math.Max(0, row.GetDouble(1)));
    }

    protected override void Forget() => seen = null;
}
