using System.Diagnostics.Metrics;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Approvals;

/// <summary>Shows how many approvals wait for a person, and for how long the oldest has.</summary>
internal sealed class ApprovalGauges : SampledGauges
{
    private const string Sql =
        """
        select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 from approval where state = 'pending'
        """;

    private readonly NpgsqlDataSource store;
    private (long Pending, double Age)? seen;

    public ApprovalGauges(NpgsqlDataSource store, IMeterFactory meters, TimeProvider clock, ILogger<ApprovalGauges> log)
        : base(clock, log)
    {
        this.store = store;
        var meter = meters.Create(MeshSemantics.Meter);
        meter.CreateObservableGauge("mesh.approval.pending", () => Of(seen?.Pending), "{approval}", "Approvals that wait for a person.");
        meter.CreateObservableGauge("mesh.approval.age", () => Of(seen?.Age), "s", "Age of the oldest approval that waits; 0 when none does.");
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
