using System.Collections.Concurrent;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Offering;

/// <summary>The agents that wait for work at this replica, by workflow version.</summary>
internal sealed class WorkOffers
{
    // The longest poll, and then some: nothing of an agent that ended waits here any more.
    private static readonly TimeSpan EndedFor = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<WorkflowKey, LinkedList<WaitingPoll>> waiting = new();

    // Looked through since a task was last known to become ready: until the next one a poll need not look. A set.
    private readonly ConcurrentDictionary<WorkflowKey, byte> nothingLeft = new();
    private readonly ConcurrentDictionary<string, DateTimeOffset> ended = new();
    private readonly TimeProvider clock;
    private readonly CancellationToken stopping;

    public WorkOffers(IHostApplicationLifetime life, TimeProvider clock)
    {
        this.clock = clock;
        stopping = life.ApplicationStopping;
        stopping.Register(EndAllPolls);
    }

    /// <summary>Raised when work may be there for a poll.</summary>
    public event Action<WorkflowKey>? Stirred;

    /// <summary>Raised when a task is ready and nobody waits for it here: at another replica somebody may.</summary>
    public event Action<WorkflowKey>? Passed;

    /// <summary>How many wait, those that have just ended included.</summary>
    public int Waiting => waiting.Values.Sum(queue =>
    {
        lock (queue)
        {
            return queue.Count(poll => !poll.IsOver);
        }
    });

    /// <summary>An agent waits for work.</summary>
    /// <param name="agent">Which one.</param>
    /// <param name="room">For how many tasks it has room.</param>
    public WaitingPoll Wait(AgentIdentity agent, int room)
    {
        var poll = new WaitingPoll(agent, room);
        Enqueue(poll);

        if (stopping.IsCancellationRequested)
        {
            poll.End();
        }

        if (!nothingLeft.ContainsKey(agent.Workflow))
        {
            Stirred?.Invoke(agent.Workflow);
        }

        return poll;
    }

    /// <summary>Keeps room at a waiting poll for a task that is about to be claimed for it; null when nobody waits. Polls take turns.</summary>
    public WaitingPoll? TryReserve(WorkflowKey workflow)
    {
        if (!waiting.TryGetValue(workflow, out var queue))
        {
            return null;
        }

        lock (queue)
        {
            while (queue.First is { Value: var poll })
            {
                Remove(queue, poll);

                if (!HasEnded(poll.Agent.Instance) && poll.TryReserve())
                {
                    if (poll.Room > 0)
                    {
                        poll.Place = queue.AddLast(poll);
                    }

                    return poll;
                }
            }
        }

        return null;
    }

    /// <summary>The task was not claimed after all: the poll goes on waiting, first in line or not does not matter.</summary>
    public void GiveBack(WaitingPoll poll)
    {
        poll.GiveBack();
        Enqueue(poll);

        if (stopping.IsCancellationRequested)
        {
            poll.End();
        }
    }

    /// <summary>The poll was answered. MUST be called: what is over is forgotten by nobody else.</summary>
    public void Leave(WaitingPoll poll)
    {
        if (waiting.TryGetValue(poll.Agent.Workflow, out var queue))
        {
            lock (queue)
            {
                Remove(queue, poll);
            }
        }
    }

    /// <summary>The agent is gone, and nobody reads what its polls would bring. Told before its claims are looked for.</summary>
    public void End(string instance)
    {
        var now = clock.GetUtcNow();
        ended[instance] = now;

        foreach (var (old, _) in ended.Where(one => now - one.Value > EndedFor))
        {
            ended.TryRemove(old, out _);
        }
    }

    /// <summary>Whether an agent is known to be gone. Asked again after a claim was made for it.</summary>
    public bool HasEnded(string instance) => ended.ContainsKey(instance);

    /// <summary>Says that a task of this workflow version is ready. MUST be called after the commit that made it so.</summary>
    public void Stir(WorkflowKey workflow)
    {
        Remain(workflow);
        Stirred?.Invoke(workflow);
    }

    /// <summary>A look at the ready tasks begins, after which polls need not look. What becomes ready from here on stirs again.</summary>
    public void BeginLook(WorkflowKey workflow) => nothingLeft[workflow] = 0;

    /// <summary>More may be ready than a look has brought to agents: the next poll looks again.</summary>
    public void Remain(WorkflowKey workflow) => nothingLeft.TryRemove(workflow, out _);

    /// <summary>Says that a task of this workflow version is ready, and nobody here can take it.</summary>
    public void Pass(WorkflowKey workflow) => Passed?.Invoke(workflow);

    /// <summary>Whether anybody waits for it here.</summary>
    public bool IsWaitedFor(WorkflowKey workflow) => RoomFor(workflow) > 0;

    /// <summary>For how many tasks those who wait here have room.</summary>
    public int RoomFor(WorkflowKey workflow)
    {
        if (!waiting.TryGetValue(workflow, out var queue))
        {
            return 0;
        }

        lock (queue)
        {
            return queue.Where(poll => !HasEnded(poll.Agent.Instance)).Sum(poll => poll.Room);
        }
    }

    private void Enqueue(WaitingPoll poll)
    {
        var queue = waiting.GetOrAdd(poll.Agent.Workflow, _ => new LinkedList<WaitingPoll>());

        lock (queue)
        {
            if (poll.Place is null && !poll.IsOver)
            {
                poll.Place = queue.AddLast(poll);
            }
        }
    }

    private static void Remove(LinkedList<WaitingPoll> queue, WaitingPoll poll)
    {
        if (poll.Place is { } place)
        {
            queue.Remove(place);
            poll.Place = null;
        }
    }

    // A stop must not wait for the longest poll: the agents poll another replica.
    private void EndAllPolls()
    {
        foreach (var queue in waiting.Values)
        {
            lock (queue)
            {
                foreach (var poll in queue)
                {
                    poll.End();
                }
            }
        }
    }
}
