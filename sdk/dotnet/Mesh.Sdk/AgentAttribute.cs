namespace Mesh;

/// <summary>Names the workflow that an agent runs. Without it the agent runs whatever its process is given.</summary>
/// <param name="workflow">The workflow's name, as in its manifest.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AgentAttribute(string workflow) : Attribute
{
    /// <summary>The workflow's name, as in its manifest.</summary>
    public string Workflow { get; } = workflow;
}
