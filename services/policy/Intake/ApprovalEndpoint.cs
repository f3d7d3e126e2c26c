using System.Collections.Immutable;
using System.Diagnostics;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Policy.Access;
using Mesh.Policy.Approvals;
using Mesh.ServiceHost;
using Npgsql;

namespace Mesh.Policy.Intake;

/// <summary>The queue of actions that wait for a person. Whoever calls is verified by their own token, each time.</summary>
internal sealed class ApprovalEndpoint(Caller caller, ApprovalDesk desk, NpgsqlDataSource store) : V1.ApprovalService.ApprovalServiceBase
{
    private const int PageSizeMax = 200;
    private const int PageSizeDefault = 50;
    private const int ReasonLengthMax = 1024;
    private const int RequestIdLengthMax = 128;
    private const int EndingLength = 8;

    public override async Task<V1.ListApprovalsResponse> ListApprovals(V1.ListApprovalsRequest request, ServerCallContext context)
    {
        Bounds.Name(request.Tenant, "tenant");
        Bounds.Require(request.PageSize is >= 0 and <= PageSizeMax, "page_size", $"must be from 0 to {PageSizeMax}");
        var states = request.States.Select(Wire.Read).ToArray();
        Bounds.Require(!states.Contains(null), "states", "must be states that this server knows");
        var after = ReadPageToken(request.PageToken);
        await caller.VerifyAsync(context, Right.SeeApprovals, request.Tenant);

        var size = request.PageSize == 0 ? PageSizeDefault : request.PageSize;
        ImmutableArray<ApprovalState> wanted = states.Length == 0 ? [ApprovalState.Pending] : [.. states.Select(s => s!.Value)];
        var approvals = await ApprovalStore.ListAsync(store, request.Tenant, wanted, after, size + 1, context.CancellationToken);
        var response = new V1.ListApprovalsResponse { Approvals = { approvals.Take(size).Select(Wire.Write) } };

        if (approvals.Count > size)
        {
            response.NextPageToken = approvals[size - 1].Id.ToString("N");
        }

        return response;
    }

    public override async Task<V1.GetApprovalResponse> GetApproval(V1.GetApprovalRequest request, ServerCallContext context)
    {
        Bounds.Name(request.Tenant, "tenant");
        await caller.VerifyAsync(context, Right.SeeApprovals, request.Tenant);
        var id = await ResolveAsync(request.Tenant, request.ApprovalId, context.CancellationToken);
        var approval = await ApprovalStore.FindAsync(store, request.Tenant, id, context.CancellationToken) ?? throw NotFound();
        return new V1.GetApprovalResponse { Approval = Wire.Write(approval) };
    }

    public override async Task<V1.ApproveApprovalResponse> ApproveApproval(V1.ApproveApprovalRequest request, ServerCallContext context)
    {
        Bounds.Length(request.Comment, "comment", ReasonLengthMax);
        var ballot = new Ballot(request.Tenant, request.ApprovalId, ApprovalEvent.Approve, request.Etag, request.RequestId, request.Comment);
        return new V1.ApproveApprovalResponse { Approval = await DecideAsync(ballot, context) };
    }

    public override async Task<V1.DenyApprovalResponse> DenyApproval(V1.DenyApprovalRequest request, ServerCallContext context)
    {
        Bounds.Require(request.Reason.Trim().Length > 0, "reason", "is required: it goes to the agent");
        Bounds.Length(request.Reason, "reason", ReasonLengthMax);
        var ballot = new Ballot(request.Tenant, request.ApprovalId, ApprovalEvent.Deny, request.Etag, request.RequestId, request.Reason);
        return new V1.DenyApprovalResponse { Approval = await DecideAsync(ballot, context) };
    }

    private async Task<V1.Approval> DecideAsync(Ballot ballot, ServerCallContext context)
    {
        Bounds.Name(ballot.Tenant, "tenant");
        Bounds.Length(ballot.RequestId, "request_id", RequestIdLengthMax);
        var voter = await caller.VerifyAsync(context, Right.DecideApprovals, ballot.Tenant);
        var id = await ResolveAsync(ballot.Tenant, ballot.ApprovalId, context.CancellationToken);

        return await desk.DecideAsync(id, voter, ballot, context.CancellationToken) switch
        {
            DeskAnswer.Done done => Wire.Write(done.Approval),
            DeskAnswer.NotFound => throw NotFound(),
            DeskAnswer.NotAPerson => throw Refusals.Refused(
                StatusCode.PermissionDenied, Reason.PermissionDenied, "Only a person can decide an approval; this token belongs to a system."),
            DeskAnswer.OwnRequest => throw Refusals.Refused(
                StatusCode.PermissionDenied, Reason.SelfApprovalForbidden, "Whoever started the task may not decide about its calls."),
            DeskAnswer.NotInGroup other => throw new MeshError(
                StatusCode.PermissionDenied, Reason.ApproverNotInGroup, $"Only members of {string.Join(" or ", other.Groups)} may decide this.")
                .With("groups", string.Join(',', other.Groups)).AsException(),
            DeskAnswer.TooLate => throw Refusals.Refused(
                StatusCode.FailedPrecondition, Reason.ApprovalExpired, "It expired before anybody decided it."),
            DeskAnswer.Decided { Approval: { State: not ApprovalState.Pending } decided } => throw new MeshError(
                StatusCode.FailedPrecondition, Reason.ApprovalDecided, $"{decided.DecidedBy} decided it before.")
                .With("decided_by", $"person:{decided.DecidedBy}")
                .With("decision", decided.State == ApprovalState.Denied ? "denied" : "approved").AsException(),
            DeskAnswer.Decided => throw Refusals.Refused(
                StatusCode.FailedPrecondition, Reason.ApprovalDecided, "It changed since it was shown; look at it again."),
            var other => throw new UnreachableException($"{other} has no status."),
        };
    }

    private async Task<Guid> ResolveAsync(string tenant, string approvalId, CancellationToken stop)
    {
        if (Guid.TryParseExact(approvalId, "D", out var id))
        {
            return id;
        }

        Bounds.Require(
            approvalId.Length == EndingLength && approvalId.All(char.IsAsciiHexDigitLower), "approval_id", "must be a UUID, or its last 8 digits");
        var found = await ApprovalStore.FindByEndingAsync(store, tenant, approvalId, stop);
        Bounds.Require(found.Count < 2, "approval_id", "is ambiguous; give the whole id");
        return found is [var only] ? only.Id : throw NotFound();
    }

    private static Guid ReadPageToken(string token) =>
        token.Length == 0 ? Guid.Empty
        : Guid.TryParseExact(token, "N", out var after) ? after
        : throw Refusals.PageTokenInvalid();

    private static RefusalException NotFound() => Refusals.NotFound(Reason.ApprovalNotFound, "The tenant has no such approval.");
}
