using System.Text.Json;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests.Templates;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Webhooks whose signature ingress has verified.</summary>
internal sealed class WebhookEndpoint(Catalog catalog, TaskStarter starter) : V1.IntakeService.IntakeServiceBase
{
    private const int BodyBytesMax = 1024 * 1024;

    public override async Task<V1.SubmitWebhookResponse> SubmitWebhook(V1.SubmitWebhookRequest request, ServerCallContext context)
    {
        var stop = context.CancellationToken;

        if (await catalog.FindWebhookAsync(request.Tenant, request.Webhook, stop) is not { } webhook)
        {
            throw Refusals.NotFound(Reason.WebhookNotFound, $"There is no webhook {request.Webhook} in the tenant {request.Tenant}.");
        }

        if (request.Body.Length > BodyBytesMax)
        {
            throw Wire.TooLarge("body", BodyBytesMax).AsException();
        }

        var (input, refusal) = InputOf(webhook.Start.Input, request.Body.Memory);
        var start = new StartRequest
        {
            Tenant = request.Tenant,
            Workflow = webhook.Start.Workflow,
            Input = input,
            Initiator = "webhook:" + request.Webhook,
            RequestId = request.ReplayKey,
            RequestKey = $"webhook:{request.Webhook}:{request.ReplayKey}",
            Arrival = new Span(
                MeshSemantics.Ingress,
                $"webhook {request.Webhook}",
                "HMAC verified",
                request.ReceivedAt.ToDateTimeOffset(),
                request.VerifyDuration.ToTimeSpan()),
        };

        // A template that was changed meanwhile turns no replay into an error.
        var answer = refusal is null
            ? await starter.StartAsync(start, stop)
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

    private static (ReadOnlyMemory<byte> Input, MeshError? Refusal) InputOf(JsonTemplate? template, ReadOnlyMemory<byte> body)
    {
        if (template is null)
        {
            return ("{}"u8.ToArray(), null);
        }

        if (!CanonicalJson.TryParse(body.Span, out var canonical, out var refusal, BodyBytesMax))
        {
            return (default, Wire.JsonRefused(refusal!, "body"));
        }

        using var json = JsonDocument.Parse(canonical!.Memory);
        var filled = template.Fill(new TemplateValues { Body = json.RootElement });

        if (filled.Refusal is { } missing)
        {
            return (default, new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, missing.Message)
            {
                Fields = [new FieldError(missing.Placeholder, missing.Message)],
            });
        }

        // What the template takes out of the body becomes the task's input, within the limit of any other.
        return CanonicalJson.TryCanonicalize(filled.Value, out var input, out var unusable, Wire.PayloadBytesMax)
            ? (input, null)
            : (default, Wire.JsonRefused(unusable!, "input"));
    }
}
