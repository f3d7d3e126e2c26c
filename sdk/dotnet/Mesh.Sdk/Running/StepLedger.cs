namespace Mesh.Running;

/// <summary>Numbers the steps and calls of one run, branch by branch, beside what earlier runs recorded.</summary>
internal sealed class StepLedger
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, BranchLedger> branches = new(StringComparer.Ordinal);

    public StepLedger(Agent.V1.WorkItem item)
    {
        IsComplete = item.HistoryComplete;
        branches[""] = new BranchLedger("", IsComplete);

        foreach (var recorded in item.History)
        {
            var slash = recorded.StepKey.IndexOf('/', StringComparison.Ordinal);
            Branch(slash < 0 ? "" : recorded.StepKey[..slash]).Expect(recorded);
        }
    }

    /// <summary>Whether everything that was recorded is known here.</summary>
    public bool IsComplete { get; }

    public BranchLedger Branch(string name)
    {
        lock (gate)
        {
            if (!branches.TryGetValue(name, out var branch))
            {
                branches[name] = branch = new BranchLedger(name, IsComplete);
            }

            return branch;
        }
    }

    /// <summary>How many steps and calls each branch asked for.</summary>
    public Dictionary<string, int> Positions()
    {
        lock (gate)
        {
            return branches.Values.ToDictionary(branch => branch.Name, branch => branch.Asked);
        }
    }
}
