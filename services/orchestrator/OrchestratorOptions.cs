using Mesh.ServiceHost;

namespace Mesh.Orchestrator;

/// <summary>What an operator can set.</summary>
internal sealed record OrchestratorOptions
{
    /// <summary>How long an agent without work is kept running. Then it is stopped; the next task starts it again.</summary>
    [Option("agent-idle", "How long an agent without work keeps running; then it is stopped, and the next task starts it again.")]
    public TimeSpan AgentIdle { get; init; } = TimeSpan.FromMinutes(10);
}
