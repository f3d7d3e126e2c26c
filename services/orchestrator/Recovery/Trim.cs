using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Forgets what nobody will ask for again: old request keys, old inbox rows, and what came for tasks that have ended.</summary>
internal sealed class Trim(NpgsqlDataSource store, TimeProvider clock)
{
    // As long as a repeat of a start or of a webhook is recognised.
    private static readonly TimeSpan RequestRetention = TimeSpan.FromDays(7);
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(30);

    private long last = clock.GetTimestamp();

    /// <summary>Does its work when half an hour has passed since the last time; else nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (clock.GetElapsedTime(last) < Every)
        {
            return;
        }

        last = clock.GetTimestamp();
        await AllAsync(stop);
    }

    public async Task AllAsync(CancellationToken stop)
    {
        await DeadRows.DeleteAsync(store, "orchestrator.request", "created_at < now() - $1", RequestRetention, stop);
        await DeadRows.DeleteAsync(
            store,
            "orchestrator.arrival",
            $"""
            exists (select from orchestrator.task e
                    where e.tenant_id = arrival.tenant_id and e.id = arrival.task_id and e.state >= {(short)TaskState.Completed})
            """,
            retention: null,
            stop);
        await Inbox.TrimAsync(store, stop);
    }
}
