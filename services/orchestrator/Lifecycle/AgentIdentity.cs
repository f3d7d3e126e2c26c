namespace Mesh.Orchestrator.Lifecycle;

/// <summary>A version of a workflow of a tenant: what agents run, and what work is offered under.</summary>
internal readonly record struct WorkflowKey(string Tenant, string Workflow, string Version);

/// <summary>Which agent is asking, as the tool runner knows it from the agent's socket.</summary>
/// <param name="Instance">The agent's process, unique for ever.</param>
internal sealed record AgentIdentity(WorkflowKey Workflow, string Instance);
