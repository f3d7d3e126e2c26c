using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Policy.Access;
using Mesh.Policy.Approvals;
using Mesh.Policy.Evaluation;
using Mesh.ServiceHost;

namespace Mesh.Policy.Intake;

/// <summary>Between the wire and policy's own words, both ways. What does not fit is refused here, with its field.</summary>
internal static class Wire
{
    private const int StepLengthMax = 128;
    private const int TaskDoneMax = 10_000;
    private const int ArgumentsBytesMax = 4 * 1024 * 1024;

    public static ActionRequest Read(V1.DecideRequest request)
    {
        Bounds.Name(request.Tenant, "tenant");
        Bounds.Name(request.Workflow, "workflow");
        Bounds.Require(Names.IsToolName(request.Tool), "tool", "must be a tool's dotted name");
        Bounds.Require(request.Step.Length is > 0 and <= StepLengthMax, "step", $"must have 1 to {StepLengthMax} characters");
        Bounds.Require(request.TaskId.Length == 16, "task_id", "must be a UUID of 16 bytes, big-endian");
        Bounds.Require(request.Dispatch >= 1, "dispatch", "must be at least 1");
        Bounds.Require(request.Epoch >= 0, "epoch", "must be at least 0");
        Bounds.Require(request.TaskDone.Count <= TaskDoneMax, "task_done", $"must have at most {TaskDoneMax} tools");

        return new ActionRequest
        {
            Tenant = request.Tenant,
            Workflow = request.Workflow,
            WorkflowVersion = Bounds.Digest(request.WorkflowVersion, "workflow_version"),
            Task = new Guid(request.TaskId.Span, bigEndian: true),
            Step = request.Step,
            Tool = request.Tool,
            ToolDigest = Bounds.Digest(request.ToolDigest, "tool_digest"),
            Arguments = Canonical(request.Arguments, "arguments"),
            Dispatch = request.Dispatch,
            Epoch = request.Epoch,
            Initiator = Initiator(request.Initiator),
            TaskDone = [.. request.TaskDone],
        };
    }

    public static StartRequest Read(V1.AdmitRequest request)
    {
        Bounds.Name(request.Tenant, "tenant");
        Bounds.Name(request.Workflow, "workflow");
        return new StartRequest(
            request.Tenant,
            request.Workflow,
            Bounds.Digest(request.WorkflowVersion, "workflow_version"),
            Initiator(request.Initiator),
            Canonical(request.Input, "input"));
    }

    public static V1.DecideResponse Write(Answer answer)
    {
        var response = new V1.DecideResponse { Explanation = Write(answer.Grounds) };

        switch (answer)
        {
            case Answer.Permitted permitted:
                response.Permitted = new V1.Permitted
                {
                    Decision = ByteString.CopyFrom(permitted.Note),
                    DecisionId = permitted.DecisionId.ToString("D"),
                    Reserved = permitted.IsReserved,
                    ApprovalId = permitted.Approval?.ToString("D") ?? "",
                };
                break;

            case Answer.Denied denied:
                response.Denied = new V1.Denied { Reason = ReasonWords.Of(denied.Reason), Message = denied.Message };
                break;

            case Answer.NeedsApproval needs:
                response.NeedsApproval = new V1.NeedsApproval
                {
                    ApprovalId = needs.Approval.ToString("D"),
                    Groups = { needs.Groups },
                    ExpiresIn = needs.ExpiresIn.ToDuration(),
                    Message = needs.Message,
                };
                break;
        }

        return response;
    }

    public static V1.AdmitResponse Write(Verdict verdict) => new() { Permitted = verdict is Verdict.Permitted, Explanation = Write(verdict.Grounds) };

    public static V1.Explanation Write(Grounds grounds) => new()
    {
        PolicySetDigest = grounds.PolicyDigest.ToString(),
        Rules = { grounds.Rules },
        DecidedBy = grounds.DecidedBy,
        Degraded = grounds.IsDegraded,
    };

    public static V1.Approval Write(Approval approval)
    {
        var shown = ShownAction.Read(approval.Shown);
        return new V1.Approval
        {
            Id = approval.Id.ToString("D"),
            Tenant = approval.Tenant,
            State = Write(approval is { State: ApprovalState.Pending or ApprovalState.Approved, IsOverdue: true } ? ApprovalState.Expired : approval.State),
            TaskId = approval.Task.ToString("D"),
            Workflow = approval.Workflow,
            Step = approval.Step,
            Tool = approval.Tool,
            ToolDescription = shown.Description,
            Target = shown.Target,
            Classes = { shown.Classes },
            Arguments = System.Text.Encoding.UTF8.GetString(shown.Arguments),
            ActionDigest = approval.Action.ToString(),
            Rules = { approval.Rules },
            Groups = { approval.Groups },
            Quorum = 1,
            Initiator = approval.Initiator,
            CreatedAt = approval.CreatedAt.ToTimestamp(),
            ExpiresAt = approval.ExpiresAt.ToTimestamp(),
            DecidedBy = approval.DecidedBy is { } person ? $"person:{person}" : "",
            DecidedAt = approval.DecidedAt?.ToTimestamp(),
            Reason = approval.Reason,
            ShownDigest = approval.ShownDigest.ToString(),
            Etag = approval.Etag(),
        };
    }

    public static ApprovalState? Read(V1.ApprovalState state) => state switch
    {
        V1.ApprovalState.Pending => ApprovalState.Pending,
        V1.ApprovalState.Approved => ApprovalState.Approved,
        V1.ApprovalState.Denied => ApprovalState.Denied,
        V1.ApprovalState.Expired => ApprovalState.Expired,
        V1.ApprovalState.Consumed => ApprovalState.Consumed,
        _ => null,
    };

    public static V1.ApprovalState Write(ApprovalState state) => state switch
    {
        ApprovalState.Pending => V1.ApprovalState.Pending,
        ApprovalState.Approved => V1.ApprovalState.Approved,
        ApprovalState.Denied => V1.ApprovalState.Denied,
        ApprovalState.Expired => V1.ApprovalState.Expired,
        ApprovalState.Consumed => V1.ApprovalState.Consumed,
        _ => V1.ApprovalState.Unspecified,
    };

    public static V1.Token Write(TokenRecord token) => new()
    {
        TokenId = token.Id.ToString("D"),
        Principal = token.Principal,
        Note = token.Note,
        CreatedAt = token.CreatedAt.ToTimestamp(),
        ExpiresAt = token.ExpiresAt.ToTimestamp(),
        RevokedAt = token.RevokedAt?.ToTimestamp(),
    };

    /// <summary>The bytes as they are, when they are canonical. Others are refused: what is digested is what was sent.</summary>
    private static CanonicalBytes Canonical(ByteString json, string field)
    {
        if (!CanonicalJson.TryParse(json.Span, out var canonical, out var refusal, ArgumentsBytesMax))
        {
            throw refusal.Reason == JsonRefusalReason.TooLarge
                ? new MeshError(Grpc.Core.StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"{field} has more than {ArgumentsBytesMax} bytes.")
                    .With("limit_bytes", $"{ArgumentsBytesMax}").AsException()
                : Refuse(refusal.Path, $"{field} is not JSON that can be canonical: {refusal}.");
        }

        return canonical.Span.SequenceEqual(json.Span) ? canonical : throw Refuse("", $"{field} is not in canonical form.");

        static RefusalException Refuse(string path, string message) =>
            new MeshError(Grpc.Core.StatusCode.InvalidArgument, Reason.JsonRefused, message).With("path", path).AsException();
    }

    private static string Initiator(string text)
    {
        var parts = text.Split(':');
        Bounds.Require(
            parts is ["person" or "system" or "webhook", var name] && Names.IsName(name),
            "initiator",
            "must be person:NAME, system:NAME or webhook:NAME");
        return text;
    }
}
