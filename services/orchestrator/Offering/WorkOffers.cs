using System.Collections.Concurrent;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Offering;

/// <summary>The agents that wait for work at this replica, by workflow version.</summary>
internal sealed class WorkOffers
{
    // The longest poll, and then some: nothing of an agent that ended waits here any more.
    private static readonly TimeSpan EndedFor = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<WorkflowKey, Queue<WaitingPoll>> waiting = new();
    private readonly ConcurrentDictionary<string, DateTimeOffset> ended = new();
    private readonly TimeProvider clock;
    private readonly CancellationToken stopping;

    public WorkOffers(IHostApplicationLifetime life, TimeProvider clock)
    {
        this.clock = clock;
        stopping = life.ApplicationStopping;
        stopping.Register(EndAllPolls);
    }

    /// <summary>Raised when a poll begins to wait, or work may be there for one.</summary>
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

    public WaitingPoll Wait(AgentIdentity agent)
    {
        var poll = new WaitingPoll(agent);
        var queue = waiting.GetOrAdd(agent.Workflow, _ => new Queue<WaitingPoll>());

        lock (queue)
        {
            queue.Enqueue(poll);
        }

        if (stopping.IsCancellationRequested)
        {
            poll.End();
        }

        Stirred?.Invoke(agent.Workflow);

        return poll;
    }

    /// <summary>Takes a waiting poll for a task that is about to be claimed for it; null when nobody waits.</summary>
    public WaitingPoll? TryReserve(WorkflowKey workflow)
    {
        if (!waiting.TryGetValue(workflow, out var queue))
        {
            return null;
        }

        lock (queue)
        {
            while (queue.TryDequeue(out var poll))
            {
                if (!HasEnded(poll.Agent.Instance) && poll.TryReserve())
                {
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
        var queue = waiting.GetOrAdd(poll.Agent.Workflow, _ => new Queue<WaitingPoll>());

        lock (queue)
        {
            queue.Enqueue(poll);
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

    /// <summary>Says that a task of this workflow version is ready.</summary>
    public void Stir(WorkflowKey workflow) => Stirred?.Invoke(workflow);

    /// <summary>Says that a task of this workflow version is ready, and nobody here can take it.</summary>
    public void Pass(WorkflowKey workflow) => Passed?.Invoke(workflow);

    /// <summary>Whether anybody waits for it here.</summary>
    public bool IsWaitedFor(WorkflowKey workflow)
    {
        if (!waiting.TryGetValue(workflow, out var queue))
        {
            return false;
        }

        lock (queue)
        {
            while (queue.TryPeek(out var poll) && (poll.IsOver || HasEnded(poll.Agent.Instance)))
            {
                queue.Dequeue();
            }

            return queue.Count > 0;
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
