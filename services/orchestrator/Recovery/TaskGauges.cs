using System.Diagnostics.Metrics;
using Mesh.Orchestrator.Dispatch;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Offering;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Shows where the tasks that have not ended stand, and what this replica holds in its hands.</summary>
internal sealed class TaskGauges : SampledGauges
{
    private const int CountMax = 100_000;

    // Over live rows only, by an index that has nothing else: what has ended costs nothing.
    private static readonly string Sql =
        $"""
        select state, count(*) from (
          select t.state from orchestrator.task t where t.state < {(short)TaskState.Completed} order by t.deadline limit {CountMax}) live
        group by state
        """;

    private readonly JournalStore journal;
    private IReadOnlyDictionary<TaskState, long> seen = new Dictionary<TaskState, long>();

    public TaskGauges(JournalStore journal, WorkOffers offers, CallsUnderWay calls, IMeterFactory meters, TimeProvider clock, ILogger<TaskGauges> log)
        : base(clock, log)
    {
        this.journal = journal;
        var meter = meters.Create(MeshSemantics.Meter);
        meter.CreateObservableGauge(
            "mesh.task.live", Live,
            "{task}", "Tasks that have not ended, by state: what a parked one waits for. More than 100,000 are not counted.");
        meter.CreateObservableGauge("mesh.work.polls", () => offers.Waiting, "{poll}", "Agents that wait for work at this replica.");
        meter.CreateObservableGauge("mesh.call.in_flight", () => calls.Count, "{call}", "Tool calls that run at this replica.");
    }

    protected override async Task SampleAsync(CancellationToken stop)
    {
        await using var command = journal.Command(Sql);
        await using var rows = await command.ExecuteReaderAsync(stop);
        var found = Enumerable.Range((int)TaskState.Ready, TaskState.Completed - TaskState.Ready).ToDictionary(state => (TaskState)state, _ => 0L);

        while (await rows.ReadAsync(stop))
        {
            found[(TaskState)rows.GetInt16(0)] = rows.GetInt64(1);
        }

        seen = found;
    }

    protected override void Forget() => seen = new Dictionary<TaskState, long>();

    private IEnumerable<Measurement<long>> Live()
    {
        Read();

        return seen.Select(pair => new Measurement<long>(pair.Value, new KeyValuePair<string, object?>("state", WordOf(pair.Key))));
    }

    private static string WordOf(TaskState state) => state switch
    {
        TaskState.Ready => "ready",
        TaskState.Running => "running",
        TaskState.WaitingApproval => "waiting_approval",
        TaskState.UnknownOutcome => "unknown_outcome",
        TaskState.NeedsAttention => "needs_attention",
        TaskState.BackingOff => "backing_off",
        _ => throw new InvalidOperationException($"A task that is {state} has ended."),
    };
}
