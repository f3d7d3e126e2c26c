using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.Toolrunner.Custody;
using Mesh.Toolrunner.Output;

namespace Mesh.Toolrunner.Intake;

/// <summary>Translates the runner's own protocol, both ways.</summary>
internal static class Wire
{
    private const int ArgumentsBytesMax = 256 * 1024;
    private const int SpecBytesMax = 256 * 1024;
    private const int NoteBytesMax = 16 * 1024;

    /// <summary>Refuses what no orchestrator of ours would send.</summary>
    public static ToolCall Read(V1.RunCallRequest request) => new()
    {
        Tenant = Name("tenant", request.Tenant),
        Workflow = Name("workflow", request.Workflow),
        WorkflowVersion = ContentDigest.TryParse(request.WorkflowVersion, out var version)
            ? version
            : throw Refusals.Invalid("workflow_version", "must be 'sha256:' and 64 hex digits"),
        Task = request.TaskId.Length == 16 ? new Guid(request.TaskId.Span, bigEndian: true) : throw Refusals.Invalid("task_id", "must have 16 bytes"),
        Step = request.Step.Length is > 0 and <= 128 ? request.Step : throw Refusals.Invalid("step", "must have 1 to 128 characters"),
        Tool = new NamedSpec(Name("tool", request.Tool), Canonical("tool_spec", request.ToolSpec, SpecBytesMax)),
        Integration = new NamedSpec(Name("integration", request.Integration), Canonical("integration_spec", request.IntegrationSpec, SpecBytesMax)),
        Arguments = Canonical("arguments", request.Arguments, ArgumentsBytesMax),
        Dispatch = request.Dispatch > 0 ? request.Dispatch : throw Refusals.Invalid("dispatch", "must be at least 1"),
        IsProbe = request.Purpose switch
        {
            Facts.V1.CallDispatched.Types.Purpose.Perform => false,
            Facts.V1.CallDispatched.Types.Purpose.Probe => true,
            _ => throw Refusals.Invalid("purpose", "must be PURPOSE_PERFORM or PURPOSE_PROBE"),
        },
        Tickets = new Tickets(
            request.Lease.Length is > 0 and <= 256 ? request.Lease : throw Refusals.Invalid("lease", "must have 1 to 256 characters"),
            Note("decision", request.Decision),
            Note("receipt", request.Receipt)),
    };

    public static DispatchId Read(V1.AskCallRequest request) => request.ActionDigest.Length == Hash256.Size
        ? new DispatchId(new ActionDigest(new Hash256(request.ActionDigest.Span)), request.Dispatch)
        : throw Refusals.Invalid("action_digest", "must have 32 bytes");

    public static V1.CallReport Write(CallReport report, string instance)
    {
        var wire = new V1.CallReport
        {
            Outcome = report.Outcome switch
            {
                CallOutcome.Succeeded => V1.CallReport.Types.Outcome.Succeeded,
                CallOutcome.Failed => V1.CallReport.Types.Outcome.Failed,
                CallOutcome.NotSent => V1.CallReport.Types.Outcome.NotSent,
                CallOutcome.Unknown => V1.CallReport.Types.Outcome.Unknown,
                CallOutcome.ProbePerformed => V1.CallReport.Types.Outcome.ProbePerformed,
                CallOutcome.ProbeNotPerformed => V1.CallReport.Types.Outcome.ProbeNotPerformed,
                _ => throw new InvalidOperationException("A call ends in no other way."),
            },
            Value = UnsafeByteOperations.UnsafeWrap(report.Value),
            HttpStatus = report.HttpStatus,
            Reason = report.Reason,
            Message = report.Message,
            LeaseId = report.LeaseId,
            RedeemedAt = report.RedeemedAt?.ToTimestamp(),
            RunnerInstance = instance,
            Scrubbed = report.Scrubbed,
        };
        wire.Spans.AddRange(report.Spans.Select(span => new Facts.V1.Span
        {
            Name = span.Name,
            Subject = span.Subject,
            Outcome = span.Outcome,
            StartedAt = span.StartedAt.ToTimestamp(),
            Duration = span.Duration.ToDuration(),
        }));
        return wire;
    }

    private static string Name(string field, string name) =>
        name.Length is > 0 and <= 253 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.' or '_')
            ? name
            : throw Refusals.Invalid(field, "must be a name");

    private static ReadOnlyMemory<byte> Note(string field, ByteString note) =>
        note.Length is > 0 and <= NoteBytesMax ? note.Memory : throw Refusals.Invalid(field, $"must have 1 to {NoteBytesMax} bytes");

    // Anything else would be digested as one thing and sent as another.
    private static CanonicalBytes Canonical(string field, ByteString json, int bytesMax)
    {
        if (!CanonicalJson.TryParse(json.Span, out var canonical, out var refusal, bytesMax))
        {
            throw new MeshError(Grpc.Core.StatusCode.InvalidArgument, Reason.JsonRefused, $"{field} is refused: {refusal}.")
                .With("path", refusal.Path).AsException();
        }

        return canonical.Span.SequenceEqual(json.Span) ? canonical : throw Refusals.Invalid(field, "must be JSON in canonical form");
    }
}
