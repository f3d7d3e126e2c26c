using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Policy.Intake;

/// <summary>What the orchestrator asks.</summary>
internal sealed class DecisionEndpoint(DecisionFlow flow) : V1.DecisionService.DecisionServiceBase
{
    public override async Task<V1.DecideResponse> Decide(V1.DecideRequest request, ServerCallContext context) =>
        Wire.Write(await flow.DecideAsync(Wire.Read(request), context.CancellationToken));

    public override async Task<V1.AdmitResponse> Admit(V1.AdmitRequest request, ServerCallContext context) =>
        await flow.AdmitAsync(Wire.Read(request), context.CancellationToken) is { } verdict
            ? Wire.Write(verdict)
            : throw Refusals.NotFound(Reason.WorkflowNotFound, "Policy does not know this version of the workflow.");
}
