using Grpc.Core;
using Mesh.Audit.Sequencing;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>Takes intents from the orchestrator.</summary>
internal sealed class AppendEndpoint(AppendFlow flow) : V1.AppendService.AppendServiceBase
{
    public override async Task<V1.AppendIntentResponse> AppendIntent(V1.AppendIntentRequest request, ServerCallContext context)
    {
        Bounds.Check(request);

        return await flow.AppendIntentAsync(Wire.Read(request), context.CancellationToken) switch
        {
            IntentResult.Durable durable => Wire.Write(durable.Receipt),
            IntentResult.NotDecided => throw Refusals.Refused(
                StatusCode.PermissionDenied, Reason.DecisionInvalid, "The decision is not policy's, not of now, or not for what the intent says; nothing was recorded."),
            IntentResult.AnnouncedOtherwise => throw Refusals.Refused(
                StatusCode.FailedPrecondition, Reason.IntentDiffers, "The log has another intent for this dispatch; nothing was recorded. Take the next dispatch number."),
            IntentResult.Busy busy => throw Refusals.Overloaded("Too many intents wait to be durable; nothing was recorded.", busy.RetryAfter),
            _ => throw Refusals.Refused(
                StatusCode.Unavailable, Reason.AuditUnavailable, "The log could not make the intent durable; nothing may be sent. Try again."),
        };
    }
}
