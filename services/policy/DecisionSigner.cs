using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Policy;

/// <summary>Signs decisions. The signature is the last thing that happens: whatever the decision takes is durable by then.</summary>
internal sealed class DecisionSigner(TrustStore trust, MeshServiceOptions options, TimeProvider clock)
{
    public static readonly TimeSpan ValidFor = TimeSpan.FromSeconds(60);

    private readonly NoteSigner signer = trust.Signer(TrustUse.PolicyDecision);

    public Answer.Permitted Sign(EvaluatedAction action, bool isReserved, Guid? approval)
    {
        var decision = Guid.CreateVersion7();
        var request = action.Request;
        var ticket = new DecisionTicket
        {
            Domain = options.Domain,
            DecisionId = decision,
            Tenant = request.Tenant,
            Workflow = request.Workflow,
            WorkflowVersion = request.WorkflowVersion,
            Task = request.Task,
            Tool = request.Tool,
            ToolDigest = request.ToolDigest,
            Classes = [.. action.Tool.Classes],
            Integration = action.Tool.IntegrationName,
            SecretName = action.Tool.SecretName,
            Action = action.Digest,
            Dispatch = request.Dispatch,
            Epoch = request.Epoch,
            PolicySet = action.Verdict.Grounds.PolicyDigest,
            Approval = approval,
            Expiry = clock.GetUtcNow() + ValidFor,
        };

        return new Answer.Permitted(action.Verdict.Grounds, decision, ticket.Sign(signer), isReserved, approval);
    }
}
