using Mesh.Postgres;

namespace Mesh.Policy.Versions;

/// <summary>Sees that another replica has activated a policy: when it hints so, and within a second in case the hint was lost.</summary>
internal sealed class ActivationWatch(ActivePolicies policies, ReplicaHints hints, ILogger<ActivationWatch> log) : BackgroundService
{
    /// <summary>What the replica that activated one hints.</summary>
    public const string Activated = "activated";

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(0.9);

    // For one of which nobody has said a word yet.
    private static readonly TimeSpan EveryAlone = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim hinted = new(0, 1);

    public override void Dispose()
    {
        base.Dispose();
        hinted.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        hints.Heard += Hear;

        try
        {
            while (true)
            {
                await LookAsync(stoppingToken);
                await hinted.WaitAsync(hints.HasOthers ? Every : EveryAlone, stoppingToken);
            }
        }
        finally
        {
            hints.Heard -= Hear;
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        try
        {
            await policies.RefreshAsync(stop);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // The outermost loop: decisions stop by themselves when this goes on, and start again when it ends.
            log.ActivationsUnknown(failure.GetType().Name);
        }
    }

    private void Hear(string hint)
    {
        if (hint == Activated && hinted.CurrentCount == 0)
        {
            hinted.Release();
        }
    }
}
