namespace Mesh.Postgres;

/// <summary>Wakes the relay of this process after a commit, so that a message does not wait for the next poll.</summary>
public sealed class OutboxSignal : IDisposable
{
    private readonly SemaphoreSlim wake = new(0, 1);

    /// <summary>Call after a commit that wrote outbox rows. Cheap, and safe to call too often.</summary>
    public void Raise()
    {
        try
        {
            wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // Already raised and not seen yet.
        }
    }

    /// <summary>Returns when the signal was raised, or after the given time.</summary>
    public async Task WaitAsync(TimeSpan atMost, CancellationToken stop) => _ = await wake.WaitAsync(atMost, stop);

    /// <inheritdoc />
    public void Dispose() => wake.Dispose();
}
