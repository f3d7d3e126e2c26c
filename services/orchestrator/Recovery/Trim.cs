using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Recovery;

/// <summary>Forgets what nobody will ask for again: old request keys, old inbox rows, and what came for tasks that have ended.</summary>
internal sealed class Trim(NpgsqlDataSource store, TimeProvider clock)
{
    private const int RowsMax = 5_000;
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

    /// <summary>Deletes in statements of a bounded size: after a long pause there may be millions of rows.</summary>
    public async Task AllAsync(CancellationToken stop)
    {
        await DeleteAsync(
            $"""
            delete from orchestrator.request where ctid = any(array(
              select ctid from orchestrator.request where created_at < now() - interval '7 days' limit {RowsMax}))
            """,
            stop);
        await DeleteAsync(
            $"""
            delete from orchestrator.arrival where ctid = any(array(
              select a.ctid from orchestrator.arrival a join orchestrator.task t on t.tenant_id = a.tenant_id and t.id = a.task_id
              where t.state >= {(short)TaskState.Completed} limit {RowsMax}))
            """,
            stop);
        await Inbox.TrimAsync(store, stop);
    }

    private async Task DeleteAsync(string statement, CancellationToken stop)
    {
        await using var command = store.CreateCommand(statement);

        while (await command.ExecuteNonQueryAsync(stop) == RowsMax)
        {
        }
    }
}
