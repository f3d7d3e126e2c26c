using Mesh.Policy.Approvals;
using Mesh.Policy.Limits;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Policy;

/// <summary>Expires approvals that nobody decided in time, so that their tasks wake, and forgets counters that no window reaches.</summary>
internal sealed class Upkeep(NpgsqlDataSource store, ApprovalStore approvals, OutboxSignal outbox, TimeProvider clock, ILogger<Upkeep> log) : BackgroundService
{
    private const int AtOnce = 100;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TrimEvery = TimeSpan.FromMinutes(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        var trimmed = clock.GetTimestamp();

        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                while (await ExpireAsync(stoppingToken) == AtOnce)
                {
                }

                if (clock.GetElapsedTime(trimmed) > TrimEvery)
                {
                    trimmed = clock.GetTimestamp();
                    await LimitCounters.TrimAsync(store, stoppingToken);
                    await Inbox.TrimAsync(store, stoppingToken);
                }
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // The outermost loop: nothing depends on it, since what expired is also found when it is used.
                log.UpkeepFailed(failure.GetType().Name);
            }
        }
    }

    /// <summary>Expires what is overdue; answers how many there were.</summary>
    public async Task<int> ExpireAsync(CancellationToken stop)
    {
        await using var connection = await store.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        var overdue = await ApprovalStore.FindOverdueAsync(transaction, AtOnce, stop);

        if (overdue.Count == 0)
        {
            return 0;
        }

        foreach (var approval in overdue)
        {
            await approvals.ExpireAsync(transaction, approval, "Nobody decided in time.", stop);
        }

        await transaction.CommitAsync(stop);
        outbox.Raise();
        log.ApprovalsExpired(overdue.Count);
        return overdue.Count;
    }
}
