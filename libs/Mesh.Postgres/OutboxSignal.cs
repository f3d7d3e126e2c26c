namespace Mesh.Postgres;

/// <summary>Wakes the relay of this process after a commit, so that a message does not wait for the next poll.</summary>
public sealed class OutboxSignal : IDisposable
{
    private readonly SemaphoreSlim wake = new(0, 1);
    private int isRaised;

    /// <summary>Call after a commit that wrote outbox rows. Cheap, and safe to call too often.</summary>
    public void Raise()
    {
        if (Interlocked.Exchange(ref isRaised, 1) == 0)
        {
            wake.Release();
        }
    }

    /// <summary>Returns when the signal was raised, or after the given time.</summary>
    public async Task WaitAsync(TimeSpan atMost, CancellationToken stop)
    {
        // Raised between these two, it is not seen again: whoever waited is about to look anyway.
        if (await wake.WaitAsync(atMost, stop))
        {
            Volatile.Write(ref isRaised, 0);
        }
    }

    /// <inheritdoc />
    public void Dispose() => wake.Dispose();
}
