namespace Mesh.ServiceHost;

/// <summary>The names under which Mesh is observed: the eight of the timeline, the meter, the attributes of spans, and the metrics that services share.</summary>
public static class MeshSemantics
{
    /// <summary>The meter of all services, and the source of their spans.</summary>
    public const string Meter = "Mesh";

    /// <summary>The runtime's own meter: garbage collection, processor time, the pool's queue.</summary>
    public const string RuntimeMeter = "System.Runtime";

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

    /// <summary>Attribute of spans: the tenant's name.</summary>
    public const string Tenant = "mesh.tenant";

    /// <summary>Attribute of spans: the task's id.</summary>
    public const string TaskId = "mesh.task.id";

    /// <summary>Attribute of spans: the workflow's name.</summary>
    public const string Workflow = "mesh.workflow";

    /// <summary>Attribute of spans: the tool's name.</summary>
    public const string Tool = "mesh.tool";

    /// <summary>Attribute of spans: the number of the dispatch, from 1.</summary>
    public const string Dispatch = "mesh.dispatch";

    /// <summary>Attribute of spans: the action digest, by which the log finds the call.</summary>
    public const string Action = "mesh.action";

    /// <summary>Attribute of spans: how it ended, in a word of Mesh's own.</summary>
    public const string Outcome = "mesh.outcome";

    /// <summary>Attribute of spans that failed, as OpenTelemetry has it: the reason.</summary>
    public const string Error = "error.type";

    /// <summary>Metric: refusals, by reason.</summary>
    public const string Refusals = "mesh.refusals";
}
