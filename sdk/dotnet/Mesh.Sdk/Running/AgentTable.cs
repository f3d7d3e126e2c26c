namespace Mesh.Running;

/// <summary>Which handler runs which workflow.</summary>
internal sealed class AgentTable
{
    private readonly Dictionary<string, IHandler> byWorkflow = new(StringComparer.Ordinal);
    private IHandler? forAny;

    public bool IsEmpty => byWorkflow.Count == 0 && forAny is null;

    public void Add(string? workflow, IHandler handler)
    {
        if (workflow is not null ? !byWorkflow.TryAdd(workflow, handler) : forAny is not null)
        {
            throw new InvalidOperationException(workflow is not null
                ? $"Two agents are added for the workflow {workflow}."
                : "Two agents are added without a workflow; give them [Agent(\"workflow\")].");
        }

        forAny = workflow is null ? handler : forAny;
    }

    public IHandler? Find(string workflow) => byWorkflow.GetValueOrDefault(workflow) ?? forAny;
}
