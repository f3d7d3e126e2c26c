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
            throw Refusals.Refused(StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"The body is larger than {BodyBytesMax} bytes.");
        }

        var answer = await starter.StartAsync(
            new StartRequest
            {
                Tenant = request.Tenant,
                Workflow = webhook.Start.Workflow,
                Input = InputOf(webhook.Start.Input, request.Body.Memory),
                Initiator = "webhook:" + request.Webhook,
                RequestId = request.ReplayKey,
                RequestKey = $"webhook:{request.Webhook}:{request.ReplayKey}",
                Arrival = new Span(
                    MeshSemantics.Ingress,
                    $"webhook {request.Webhook}",
                    "HMAC verified",
                    request.ReceivedAt.ToDateTimeOffset(),
                    request.VerifyDuration.ToTimeSpan()),
            },
            stop);

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

    private static ReadOnlyMemory<byte> InputOf(JsonTemplate? template, ReadOnlyMemory<byte> body)
    {
        if (template is null)
        {
            return "{}"u8.ToArray();
        }

        if (!CanonicalJson.TryParse(body.Span, out var canonical, out var refusal, BodyBytesMax))
        {
            throw new MeshError(StatusCode.InvalidArgument, Reason.JsonRefused, $"The body is not JSON that can be used: {refusal}.")
                .With("path", refusal!.Path).AsException();
        }

        using var json = JsonDocument.Parse(canonical!.Memory);
        var filled = template.Fill(new TemplateValues { Body = json.RootElement });

        return filled.Refusal is { } missing
            ? throw Refusals.Invalid(missing.Placeholder, missing.Message)
            : CanonicalJson.Canonicalize(filled.Value);
    }
}
