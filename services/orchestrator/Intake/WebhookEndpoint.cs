using Grpc.Core;
using Mesh.Errors.V1;

namespace Mesh.Orchestrator.Intake;

/// <summary>Webhooks whose signature ingress has verified.</summary>
internal sealed class WebhookEndpoint(WebhookReader reader, TaskStarter starter) : V1.IntakeService.IntakeServiceBase
{
    public override async Task<V1.SubmitWebhookResponse> SubmitWebhook(V1.SubmitWebhookRequest request, ServerCallContext context)
    {
        var stop = context.CancellationToken;
        var (start, refusal) = await reader.ReadAsync(request, stop);

        // A template that was changed meanwhile turns no replay into an error.
        var answer = start is null ? new StartAnswer.Refused(refusal!)
            : refusal is null ? await starter.StartAsync(start, stop)
            : await starter.FindAsync(start, stop) ?? new StartAnswer.Refused(refusal);

        return answer switch
        {
            StartAnswer.Started started => new V1.SubmitWebhookResponse { TaskId = started.Task.Key.Id.ToString("D") },
            StartAnswer.Existed existed => new V1.SubmitWebhookResponse { TaskId = existed.TaskId.ToString("D"), Existed = true },

            // A delivery id that comes again with another body is a replay too: the first one counted.
            StartAnswer.Refused { Error.Reason: Reason.RequestIdReused } => new V1.SubmitWebhookResponse { Existed = true },
            StartAnswer.Refused refused => throw refused.Error.AsException(),
            _ => throw new InvalidOperationException("A start has three answers."),
        };
    }
}
