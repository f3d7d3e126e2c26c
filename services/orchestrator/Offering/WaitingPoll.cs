using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Offering;

/// <summary>One agent's poll while it waits: gets at most one item, or is over.</summary>
internal sealed class WaitingPoll(AgentIdentity agent)
{
    private const int Waiting = 0;
    private const int Reserved = 1;
    private const int Over = 2;

    private readonly TaskCompletionSource<V1.WorkItem?> item = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int state = Waiting;
    private volatile bool isLate;

    public AgentIdentity Agent { get; } = agent;

    public bool IsOver => Volatile.Read(ref state) == Over;

    /// <summary>The item, or null when none came in time.</summary>
    public async Task<V1.WorkItem?> ItemAsync(TimeSpan atMost, TimeProvider clock, CancellationToken stop)
    {
        try
        {
            return await item.Task.WaitAsync(atMost, clock, stop);
        }
        catch (Exception over) when (over is TimeoutException or OperationCanceledException)
        {
            isLate = true;

            // A task that is being claimed for this poll right now is waited for: its commit is under way.
            return Interlocked.CompareExchange(ref state, Over, Waiting) == Waiting ? null : await item.Task;
        }
    }

    /// <summary>Its time is up at once. A task that is being claimed for it right now is still delivered.</summary>
    public void End()
    {
        isLate = true;

        if (Interlocked.CompareExchange(ref state, Over, Waiting) == Waiting)
        {
            item.TrySetResult(null);
        }
    }

    public bool TryReserve() => Interlocked.CompareExchange(ref state, Reserved, Waiting) == Waiting;

    /// <summary>Nothing was claimed for it. Waits on, unless its time was up meanwhile.</summary>
    public void GiveBack()
    {
        Volatile.Write(ref state, Waiting);

        if (isLate && Interlocked.CompareExchange(ref state, Over, Waiting) == Waiting)
        {
            item.TrySetResult(null);
        }
    }

    public void Deliver(V1.WorkItem work)
    {
        Volatile.Write(ref state, Over);
        item.SetResult(work);
    }
}
