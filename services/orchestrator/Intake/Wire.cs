using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Wire forms at the orchestrator's edge, both ways.</summary>
internal static class Wire
{
    public static AgentIdentity Read(V1.AgentIdentity? agent) => agent is { Tenant.Length: > 0, Workflow.Length: > 0, Instance.Length: > 0 }
        ? new AgentIdentity(new WorkflowKey(agent.Tenant, agent.Workflow, agent.WorkflowVersion), agent.Instance)
        : throw Refusals.Invalid("agent", "must name tenant, workflow, version and instance");

    public static StepKey ReadStep(string text) => StepKey.TryParse(text, out var key)
        ? key
        : throw StepRefused("step_key", $"must be name#n or branch/name#n, at most {StepKey.LengthMax} characters of letters, digits and _ . : -");

    /// <summary>A step's name or place that cannot be one.</summary>
    public static RefusalException StepRefused(string field, string description) =>
        new MeshError(StatusCode.InvalidArgument, Reason.StepKeyInvalid, $"{field} {description}") { Fields = [new FieldError(field, description)] }.AsException();

    public static V1.CallToolResponse Write(CallEnd end) => end switch
    {
        CallEnd.Succeeded e => new V1.CallToolResponse
        {
            Outcome = V1.CallToolResponse.Types.Outcome.Result,
            Value = Bytes(e.Value),
            HttpStatus = e.HttpStatus,
        },
        CallEnd.Failed e => new V1.CallToolResponse
        {
            Outcome = V1.CallToolResponse.Types.Outcome.Failed,
            Value = Bytes(e.Value),
            HttpStatus = e.HttpStatus,
            Reason = e.Reason,
            Message = e.Message,
        },
        CallEnd.Denied e => new V1.CallToolResponse
        {
            Outcome = V1.CallToolResponse.Types.Outcome.Denied,
            Reason = e.Reason,
            Message = e.Message,
            Rule = e.Rule,
        },
        CallEnd.NotSent e => new V1.CallToolResponse
        {
            Outcome = V1.CallToolResponse.Types.Outcome.Failed,
            Reason = e.Reason,
            Message = e.Message,
        },
        _ => throw new InvalidOperationException($"An end of type {end.GetType().Name} is not an answer yet."),
    };

    public static V1.CallToolResponse Write(CallResult.Waiting waiting) => new()
    {
        Outcome = V1.CallToolResponse.Types.Outcome.Waiting,
        WaitsOn = waiting.On.Name,
        Message = waiting.Message,
    };

    public static V1.AgentTask Write(TaskRow task) => new()
    {
        Id = task.Key.Id.ToString("D"),
        Tenant = task.Key.Tenant,
        Workflow = task.Workflow,
        WorkflowVersion = task.WorkflowVersion,
        State = (V1.TaskState)task.State,
        Message = task.Message,
        Reason = task.Reason,
        Initiator = task.Initiator,
        Attempt = task.Attempt,
        Epoch = task.Epoch,
        Seq = task.Seq,
        CreatedAt = task.CreatedAt.ToTimestamp(),
        EndedAt = task.EndedAt?.ToTimestamp(),
        WaitsOn = task.WaitsOn ?? "",
        CancelRequested = task.CancelRequested,
    };

    public static V1.TaskEvent Write(JournalEntry entry) => new()
    {
        Seq = entry.Seq,
        Time = entry.Time.ToTimestamp(),
        Kind = entry.Fact.GetType().Name,
        Step = entry.Step,
        Epoch = entry.Epoch,
        Fields = EventFields.Of(entry.Fact),
    };

    // The memory is never written to again.
    public static ByteString Bytes(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);
}
