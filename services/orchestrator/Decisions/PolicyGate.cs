using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.Orchestrator.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Decisions;

/// <summary>Asks policy, and fails closed: whatever is not a clear answer is silence, and silence is never recorded.</summary>
internal sealed class PolicyGate(Policy.V1.DecisionService.DecisionServiceClient policy, TimeProvider clock)
{
    // Longer than a busy policy needs, shorter than an agent's patience.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>May this dispatch go out now? Asked before every one, also after an approval, a crash or a retry.</summary>
    public async Task<PolicyAnswer> DecideAsync(
        ToolCall call, TaskRow task, int dispatch, CancellationToken stop)
    {
        var request = new Policy.V1.DecideRequest
        {
            Tenant = call.Task.Tenant,
            Workflow = call.Workflow.Name,
            WorkflowVersion = call.Workflow.Version,
            TaskId = Ids.Write(call.Task.Id),
            Step = call.Step.Value,
            Tool = call.Tool.Name,
            ToolDigest = call.Tool.Digest.ToString(),
            Arguments = UnsafeByteOperations.UnsafeWrap(call.Arguments.Memory),
            Dispatch = dispatch,
            Epoch = task.Epoch,
            Initiator = call.Initiator,
            TaskDone = { task.ToolsDone },
        };

        return await AskAsync(
            call.Tool.Name,
            async deadline => Read(await policy.DecideAsync(request, deadline: deadline, cancellationToken: stop)));
    }

    /// <summary>May this task start?</summary>
    public Task<PolicyAnswer> AdmitAsync(
        string tenant, WorkflowDefinition workflow, string initiator, ReadOnlyMemory<byte> input, CancellationToken stop)
    {
        var request = new Policy.V1.AdmitRequest
        {
            Tenant = tenant,
            Workflow = workflow.Name,
            WorkflowVersion = workflow.Version,
            Initiator = initiator,
            Input = UnsafeByteOperations.UnsafeWrap(input),
        };

        return AskAsync(
            "guardrails",
            async deadline =>
            {
                var answer = await policy.AdmitAsync(request, deadline: deadline, cancellationToken: stop);
                var why = Read(answer.Explanation);

                return answer.Permitted
                    ? new Decision.Permitted(why, "", ReadOnlyMemory<byte>.Empty, Reserved: false, ApprovalId: "")
                    : new Decision.Denied(why, Reason.PolicyDenied.Name(), $"Policy does not let {workflow.Name} start ({why.DecidedBy}).");
            });
    }

    private async Task<PolicyAnswer> AskAsync(string subject, Func<DateTime, Task<Decision>> ask)
    {
        using var trace = MeshTraces.Start(MeshSemantics.PolicyEval, ActivityKind.Client)?.SetTag("mesh.policy.subject", subject);
        var startedAt = clock.GetUtcNow();
        var started = Stopwatch.GetTimestamp();

        try
        {
            var decision = await ask(DateTime.UtcNow + Patience);
            trace?.SetTag(MeshSemantics.Outcome, decision.GetType().Name).SetTag("mesh.policy.rule", decision.Why.DecidedBy);

            return new PolicyAnswer.Decided(
                decision,
                new Span(MeshSemantics.PolicyEval, subject, Outcome(decision), startedAt, Stopwatch.GetElapsedTime(started)));
        }
        catch (RpcException failure)
        {
            var read = RpcFailure.Read(failure);
            trace.Failed(read.Reason.Name());

            return new PolicyAnswer.Silent(
                read.IsSilence || read.Reason is Reason.Unspecified or Reason.Internal or Reason.StoreUnavailable or Reason.Overloaded
                    ? new MeshError(StatusCode.Unavailable, Reason.PolicyUnavailable, "Policy did not answer; nothing happened. Try again.")
                    { RetryAfter = read.RetryAfter ?? TimeSpan.FromMilliseconds(200) }
                    : read.ToError());
        }
    }

    private static Decision Read(Policy.V1.DecideResponse answer)
    {
        var why = Read(answer.Explanation);

        return answer.OutcomeCase switch
        {
            Policy.V1.DecideResponse.OutcomeOneofCase.Permitted => new Decision.Permitted(
                why,
                answer.Permitted.DecisionId,
                answer.Permitted.Decision.Memory,
                answer.Permitted.Reserved,
                answer.Permitted.ApprovalId),
            Policy.V1.DecideResponse.OutcomeOneofCase.Denied => new Decision.Denied(
                why, answer.Denied.Reason, answer.Denied.Message),
            Policy.V1.DecideResponse.OutcomeOneofCase.NeedsApproval => new Decision.NeedsApproval(
                why, answer.NeedsApproval.ApprovalId, answer.NeedsApproval.Message),

            // A newer policy answered something that this version does not know: not a permission, not a refusal.
            _ => throw new RpcException(new Status(StatusCode.Unavailable, "an outcome that this version does not know")),
        };
    }

    private static Explanation Read(Policy.V1.Explanation? why) => why is null
        ? new Explanation("", [], "default", Degraded: false)
        : new Explanation(why.PolicySetDigest, [.. why.Rules], why.DecidedBy, why.Degraded);

    private static string Outcome(Decision decision)
    {
        var rules = $"{decision.Why.Rules.Count} {(decision.Why.Rules.Count == 1 ? "rule" : "rules")}";

        return decision switch
        {
            Decision.Permitted { ApprovalId.Length: > 0 } => $"{rules}, approved",
            Decision.Permitted => $"{rules}, permit",
            Decision.Denied => $"denied by {decision.Why.DecidedBy}",
            Decision.NeedsApproval => $"{rules}, needs approval",
            _ => "",
        };
    }
}

/// <summary>Policy's answer, or its silence.</summary>
internal abstract record PolicyAnswer
{
    internal sealed record Decided(Decision Decision, Span Span) : PolicyAnswer;

    internal sealed record Silent(MeshError Error) : PolicyAnswer;
}
