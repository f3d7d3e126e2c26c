namespace Mesh.ServiceHost;

/// <summary>The names under which Mesh is observed: the eight of the timeline, the meter, and the metric that all services share.</summary>
public static class MeshSemantics
{
    /// <summary>The meter of all services.</summary>
    public const string Meter = "Mesh";

    /// <summary>Timeline: the door.</summary>
    public const string Ingress = "ingress";

    /// <summary>Timeline: a policy decision.</summary>
    public const string PolicyEval = "policy.eval";

    /// <summary>Timeline: the control plane.</summary>
    public const string Orchestrator = "orchestrator";

    /// <summary>Timeline: a durable step of the journal.</summary>
    public const string StateStore = "state.store";

    /// <summary>Timeline: work handed to an agent.</summary>
    public const string AgentDispatch = "agent.dispatch";

    /// <summary>Timeline: a lease.</summary>
    public const string SecretsLease = "secrets.lease";

    /// <summary>Timeline: the call of a real system.</summary>
    public const string ToolCall = "tool.call";

    /// <summary>Timeline: an entry of the audit log.</summary>
    public const string AuditLog = "audit.log";

    /// <summary>Metric: refusals, by reason.</summary>
    public const string Refusals = "mesh.refusals";
}
