using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Offering;

/// <summary>One agent's poll while it waits: it has room for some tasks, and is over with the first that it gets.</summary>
/// <remarks>Tasks that are being claimed for it at that moment come along: under a load, one answer brings several.</remarks>
internal sealed class WaitingPoll(AgentIdentity agent, int itemsMax)
{
    private readonly TaskCompletionSource<IReadOnlyList<V1.WorkItem>> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private readonly List<V1.WorkItem> items = [];
    private int room = itemsMax;
    private int reserved;
    private bool isClosing;

    public AgentIdentity Agent { get; } = agent;

    /// <summary>Whether it takes no more.</summary>
    public bool IsOver
    {
        get
        {
            lock (gate)
            {
                return isClosing;
            }
        }
    }

    /// <summary>For how many tasks it has room.</summary>
    public int Room
    {
        get
        {
            lock (gate)
            {
                return isClosing ? 0 : room;
            }
        }
    }

    /// <summary>Where it stands among those who wait; theirs to say, and null when it does not.</summary>
    public LinkedListNode<WaitingPoll>? Place { get; set; }

    /// <summary>The tasks; none when none came in time.</summary>
    public async Task<IReadOnlyList<V1.WorkItem>> ItemsAsync(TimeSpan atMost, TimeProvider clock, CancellationToken stop)
    {
        try
        {
            return await answer.Task.WaitAsync(atMost, clock, stop);
        }
        catch (Exception over) when (over is TimeoutException or OperationCanceledException)
        {
            End();

            // A task that is being claimed for this poll right now is waited for: its commit is under way.
            return await answer.Task;
        }
    }

    /// <summary>Its time is up at once. What is being claimed for it right now is still delivered.</summary>
    public void End()
    {
        lock (gate)
        {
            isClosing = true;
            AnswerIfComplete();
        }
    }

    /// <summary>Keeps room for a task that is about to be claimed; false when there is none.</summary>
    public bool TryReserve()
    {
        lock (gate)
        {
            if (isClosing || room == 0)
            {
                return false;
            }

            room--;
            reserved++;

            return true;
        }
    }

    /// <summary>The task was not claimed after all.</summary>
    public void GiveBack()
    {
        lock (gate)
        {
            room++;
            reserved--;
            AnswerIfComplete();
        }
    }

    public void Deliver(V1.WorkItem work)
    {
        lock (gate)
        {
            items.Add(work);
            reserved--;
            isClosing = true;
            AnswerIfComplete();
        }
    }

    private void AnswerIfComplete()
    {
        if (isClosing && reserved == 0)
        {
            answer.TrySetResult(items);
        }
    }
}
