namespace Mesh.Policy.Versions;

/// <summary>Looks every two seconds whether another replica has activated a policy.</summary>
internal sealed class ActivationWatch(ActivePolicies policies, TimeProvider clock, ILogger<ActivationWatch> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);

        do
        {
            try
            {
                await policies.RefreshAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // The outermost loop: decisions stop by themselves when this goes on, and start again when it ends.
                log.ActivationsUnknown(failure.GetType().Name);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
