namespace Mesh.Toolrunner.Agents;

/// <summary>Who is at the other end of an agent's socket. Known from the socket, never from what the agent says.</summary>
/// <param name="Tenant">Its tenant.</param>
/// <param name="Workflow">Its workflow.</param>
/// <param name="WorkflowVersion">The version that it was started for.</param>
/// <param name="Instance">The process, unique for ever.</param>
internal sealed record Agent(string Tenant, string Workflow, string WorkflowVersion, string Instance)
{
    /// <summary>For people and files.</summary>
    public string Name => $"{Tenant}/{Workflow}";
}

/// <summary>An agent that this runner should be running.</summary>
internal sealed record Assignment(string Tenant, string Workflow, string WorkflowVersion, string Bundle, IReadOnlyList<string> Command)
{
    public string Name => $"{Tenant}/{Workflow}";

    public string Key => $"{Tenant}/{Workflow}@{WorkflowVersion}";
}
