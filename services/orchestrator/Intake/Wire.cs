using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Wire forms at the orchestrator's edge, both ways.</summary>
internal static class Wire
{
    /// <summary>What a task's input, arguments, values and results may have.</summary>
    public const int PayloadBytesMax = 256 * 1024;

    private const int MessageCharsMax = 4 * 1024;
    private const int ReasonCharsMax = 63;

    public static AgentIdentity Read(V1.AgentIdentity? agent) => agent is { Tenant.Length: > 0, Workflow.Length: > 0, Instance.Length: > 0 }
        ? new AgentIdentity(new WorkflowKey(agent.Tenant, agent.Workflow, agent.WorkflowVersion), agent.Instance)
        : throw Refusals.Invalid("agent", "must name tenant, workflow, version and instance");

    public static WorkEnd Read(V1.FinishWorkRequest request) => request.OutcomeCase switch
    {
        V1.FinishWorkRequest.OutcomeOneofCase.Completed => new WorkEnd.Completed(
            ReadJson(request.Completed.Span, "completed.result").Memory, request.Positions),
        V1.FinishWorkRequest.OutcomeOneofCase.Failed => Read(request.Failed),
        V1.FinishWorkRequest.OutcomeOneofCase.WaitsOn => new WorkEnd.Waiting(ReadWait(request.WaitsOn)),
        V1.FinishWorkRequest.OutcomeOneofCase.Released => new WorkEnd.Released(),
        _ => throw Refusals.Invalid("outcome", "must say how the work ended"),
    };

    private static WorkEnd.Failed Read(V1.WorkFailed failed)
    {
        if (failed.Reason.Length > ReasonCharsMax || failed.Reason.Any(c => !char.IsAsciiLetterUpper(c) && !char.IsAsciiDigit(c) && c != '_'))
        {
            throw Refusals.Invalid("failed.reason", $"must be UPPER_SNAKE_CASE of at most {ReasonCharsMax} characters, or empty");
        }

        // Cut rather than refused: it is whatever an exception said.
        var message = failed.Message.Replace("\0", "", StringComparison.Ordinal);

        return new WorkEnd.Failed(failed.Reason, message.Length <= MessageCharsMax ? message : message[..MessageCharsMax], failed.Retry);
    }

    /// <summary>How long a caller wants to wait, cut to what it may; null when it does not say.</summary>
    public static TimeSpan? ReadPatience(string field, Duration? patience, TimeSpan max) => patience switch
    {
        null => null,
        { Seconds: < 0 } or { Nanos: < 0 or > Duration.NanosecondsPerSecond - 1 } => throw Refusals.Invalid(field, $"must be 0 to {max.TotalSeconds} s"),
        { Seconds: var seconds } when seconds >= max.TotalSeconds => max,
        _ => patience.ToTimeSpan(),
    };

    private static Wait ReadWait(string name) => name.Split(':', 2) switch
    {
        ["approval", { Length: > 0 and <= 64 } id] => new Wait.Approval(id),
        ["settlement", var step] => new Wait.Settlement(ReadStep(step).Value),
        _ => throw Refusals.Invalid("waits_on", "must be what CallTool answered in `waiting`"),
    };

    /// <summary>A payload of an agent's: JSON of at most 256 KiB.</summary>
    public static CanonicalBytes ReadJson(ReadOnlySpan<byte> json, string field) =>
        CanonicalJson.TryParse(json, out var canonical, out var refusal, PayloadBytesMax) ? canonical! : throw JsonRefused(refusal!, field).AsException();

    /// <summary>Why a payload was refused, with the place or the limit.</summary>
    public static MeshError JsonRefused(JsonRefusal refusal, string field) => refusal.Reason == JsonRefusalReason.TooLarge
        ? TooLarge(field, PayloadBytesMax)
        : new MeshError(StatusCode.InvalidArgument, Reason.JsonRefused, $"{field} was refused: {refusal}.")
        {
            Fields = [new FieldError(field, refusal.ToString())],
        }.With("path", refusal.Path);

    public static MeshError TooLarge(string field, int bytesMax) =>
        new MeshError(StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"{field} is larger than {bytesMax} bytes.")
        {
            Fields = [new FieldError(field, $"may be {bytesMax} bytes")],
        }.With("limit_bytes", bytesMax.ToString(CultureInfo.InvariantCulture));

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
