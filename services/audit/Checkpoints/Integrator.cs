using Mesh.Audit.Tree;
using Npgsql;

namespace Mesh.Audit.Checkpoints;

/// <summary>Keeps every log's checkpoint less than a second behind it. While nothing grows it does nothing but a rare look.</summary>
internal sealed class Integrator(
    NpgsqlDataSource store, CheckpointFlow flow, Anchor anchor, GrownLogs grown, UnsignedLogs unsigned, AuditMetrics metrics, TimeProvider clock, ILogger<Integrator> log)
    : BackgroundService
{
    // A busy log gets two checkpoints a second, not one for each batch.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    // A transaction that has not committed by then was rolled back.
    private static readonly TimeSpan UncommittedMax = TimeSpan.FromSeconds(10);

    // For what a replica appended and did not live to sign.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(15);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(SignWhatGrowsAsync(stoppingToken), LookForForgottenAsync(stoppingToken));

    private async Task SignWhatGrowsAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                foreach (var (tenant, growth) in await grown.TakeAsync(stop))
                {
                    await AdvanceAsync(tenant, growth, stop);
                }

                await Task.Delay(Pace, clock, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task AdvanceAsync(string tenant, Growth growth, CancellationToken stop)
    {
        unsigned.Add(tenant, growth.Since);

        try
        {
            var size = await flow.AdvanceAsync(tenant, stop);
            var behind = TimeProvider.System.GetElapsedTime(growth.Since);

            if (size >= growth.Size)
            {
                unsigned.Remove(tenant);
                metrics.CheckpointSigned(behind);
            }
            else if (behind < UncommittedMax)
            {
                // Facts are announced inside their transaction: its commit is still to come.
                grown.Add(tenant, growth);
            }
            else
            {
                // Rolled back: there is nothing to sign.
                unsigned.Remove(tenant);
            }
        }
        catch (DamagedLogException damaged)
        {
            metrics.CheckpointRefused();
            log.CheckpointRefused(tenant, damaged);
        }
        catch (Exception lost) when (lost is NpgsqlException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            // It is still behind, and so it will be found again.
            log.CheckpointDelayed(tenant, lost);
        }
    }

    private async Task LookForForgottenAsync(CancellationToken stop)
    {
        // A log that an older backup was put in place of need not grow, and has a checkpoint that covers it.
        foreach (var tenant in anchor.Tenants())
        {
            grown.Add(tenant, 0);
        }

        using var timer = new PeriodicTimer(LookEvery, clock);

        do
        {
            try
            {
                // Those that are told of as not signed, too: another replica may have signed them since.
                foreach (var tenant in (await CheckpointStore.BehindAsync(store, stop)).Union(unsigned.Tenants))
                {
                    grown.Add(tenant, 0);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException lost)
            {
                log.LookFailed(lost);
            }
        }
        while (await NextAsync(timer, stop));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stop)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
