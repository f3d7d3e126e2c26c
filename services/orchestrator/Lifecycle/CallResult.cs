using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Lifecycle;

/// <summary>What an agent is told about a call that it asked for.</summary>
internal abstract record CallResult
{
    /// <summary>Over, and recorded: the same answer now and ever after.</summary>
    internal sealed record Ended(CallEnd End) : CallResult;

    /// <summary>A person has to decide first. The task parks on this.</summary>
    internal sealed record Waiting(Wait On, string Message) : CallResult;

    /// <summary>Not decided, and nothing is known to have happened: the agent repeats the call, or gives the task up.</summary>
    internal sealed record Refused(MeshError Error) : CallResult;
}
