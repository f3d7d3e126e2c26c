using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Errors.V1;
using Mesh.Policy.Announcing;
using Mesh.Policy.Approvals;
using Mesh.Policy.Evaluation;
using Mesh.Policy.Language;
using Mesh.Policy.Versions;

namespace Mesh.Policy;

/// <summary>Takes one action from request to signed decision.</summary>
/// <remarks>
/// Nothing here is the caller's word but names and arguments: tool, classes, target and attributes come from policy's own
/// copy of the definitions. What a decision takes (a limit, an approval) is durable before it is signed, keyed by the
/// action's digest, so that a repeated question takes nothing twice and gets the same answer.
/// </remarks>
internal sealed class DecisionFlow(
    DefinitionStore definitions, ActivePolicies policies, Settlement settlement, DecisionSigner signer, PolicyMetrics metrics, ILogger<DecisionFlow> log)
{
    public async Task<Answer> DecideAsync(ActionRequest request, CancellationToken stop)
    {
        var policy = await policies.OfAsync(request.Tenant, stop);
        var (tool, refusal) = await FindToolAsync(request, policy, stop);
        var answer = refusal ?? await DecideAsync(request, tool!, policy, stop);
        metrics.Count(answer);

        if (answer.Grounds.IsDegraded)
        {
            log.RuleFailed(request.Tenant, request.Tool, answer.Grounds.DecidedBy);
        }

        return answer;
    }

    /// <summary>May a task of this workflow start? Reserves nothing and signs nothing.</summary>
    public async Task<Verdict?> AdmitAsync(StartRequest request, CancellationToken stop)
    {
        if (await definitions.FindWorkflowAsync(request.Tenant, request.Workflow, request.WorkflowVersion, stop) is null)
        {
            return null;
        }

        var policy = await policies.OfAsync(request.Tenant, stop);
        var verdict = policy.Evaluate(request.Attributes());
        metrics.CountStart(verdict);
        return verdict;
    }

    private async Task<Answer> DecideAsync(ActionRequest request, ToolDefinition tool, PolicySnapshot policy, CancellationToken stop)
    {
        var arguments = JsonElement.Parse(request.Arguments.Span);

        if (tool.Tool.Input.Validate(arguments) is [var violation, ..])
        {
            return Refuse(policy, Reason.SchemaMismatch, $"The arguments do not match the tool's schema at '{violation.InstancePath}': {violation.Message}");
        }

        var reading = tool.Tool.Attributes.Read(arguments);

        if (reading.Refusals is [var unreadable, ..])
        {
            return Refuse(policy, Reason.SchemaMismatch, $"Policy cannot read the arguments: {unreadable}.");
        }

        var verdict = policy.Evaluate(AttributesOf(request, tool, reading.Values.Select(a => KeyValuePair.Create(a.Key, SetCompiler.ValueOf(a.Value)))));
        var action = new EvaluatedAction(request, tool, request.Digest(), verdict);

        return verdict switch
        {
            Verdict.Denied denied => new Answer.Denied(denied.Grounds, Reason.PolicyDenied, denied.Message),

            // Nothing to take, so nothing to commit: this is the way of most calls.
            Verdict.Permitted { Limits.IsEmpty: true } => signer.Sign(action, isReserved: false, approval: null),
            _ => await settlement.SettleAsync(action, stop) switch
            {
                Settled.Taken taken => signer.Sign(action, taken.IsReserved, taken.Approval),
                Settled.Waiting waiting => Ask(action, waiting.Approval, waiting.ExpiresIn),
                Settled.Refused refused => new Answer.Denied(verdict.Grounds, refused.Reason, refused.Message),
                var other => throw new System.Diagnostics.UnreachableException($"A settlement that is {other} has no answer."),
            },
        };
    }

    /// <summary>The tool as the task's version of the workflow pins it; what the agent or the orchestrator would like instead is refused.</summary>
    private async ValueTask<(ToolDefinition? Tool, Answer? Refusal)> FindToolAsync(ActionRequest request, PolicySnapshot policy, CancellationToken stop)
    {
        if (await definitions.FindWorkflowAsync(request.Tenant, request.Workflow, request.WorkflowVersion, stop) is not { } workflow)
        {
            return (null, Refuse(policy, Reason.WorkflowNotFound, "Policy does not know this version of the workflow."));
        }

        if (!workflow.Tools.TryGetValue(request.Tool, out var pinned))
        {
            return (null, Refuse(policy, Reason.ToolNotGranted, $"The workflow does not list the tool {request.Tool}."));
        }

        if (pinned != request.ToolDigest)
        {
            return (null, Refuse(policy, Reason.ToolDefinitionChanged, "The tool's definition is not the one that the workflow's version pins."));
        }

        return await definitions.FindToolAsync(request.Tenant, request.Tool, pinned, stop) is { } tool
            ? (tool, null)
            : (null, Refuse(policy, Reason.ToolNotFound, "Policy does not know this definition of the tool."));
    }

    private static CallAttributes AttributesOf(ActionRequest request, ToolDefinition tool, IEnumerable<KeyValuePair<string, AttributeValue>> fromArguments) => new(
        new CallContext
        {
            Tenant = request.Tenant,
            Workflow = request.Workflow,
            Tool = request.Tool,
            Integration = tool.IntegrationName,
            Initiator = request.Initiator,
            Classes = tool.Classes,
            TaskDone = System.Collections.Frozen.FrozenSet.ToFrozenSet(request.TaskDone, StringComparer.Ordinal),
        },
        fromArguments);

    private static Answer.NeedsApproval Ask(EvaluatedAction action, Approval approval, TimeSpan expiresIn) => new(
        action.Verdict.Grounds,
        approval.Id,
        approval.Groups,
        expiresIn,
        $"A member of {string.Join(" or ", approval.Groups)} has to approve it.");

    private static Answer.Denied Refuse(PolicySnapshot policy, Reason reason, string message) =>
        new(new Grounds(policy.Digest, ImmutableArray<string>.Empty, [], "default", IsDegraded: false), reason, message);
}
