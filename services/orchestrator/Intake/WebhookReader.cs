using System.Text.Json;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests.Templates;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Intake;

/// <summary>Makes the start of a task out of a delivery, by the webhook's manifest. The same for both ways by which ingress hands one over.</summary>
internal sealed class WebhookReader(Catalog catalog)
{
    private const int BodyBytesMax = 1024 * 1024;

    public async Task<WebhookStart> ReadAsync(V1.SubmitWebhookRequest request, CancellationToken stop)
    {
        if (await catalog.FindWebhookAsync(request.Tenant, request.Webhook, stop) is not { } webhook)
        {
            return new WebhookStart(null, Refusals.NotFound(Reason.WebhookNotFound, $"There is no webhook {request.Webhook} in the tenant {request.Tenant}.").Error);
        }

        if (request.Body.Length > BodyBytesMax)
        {
            return new WebhookStart(null, Wire.TooLarge("body", BodyBytesMax));
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

        return new WebhookStart(start, refusal);
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

/// <summary>What a delivery asks for, and why it cannot be had.</summary>
/// <param name="Request">What would be started; also beside a refusal, since the same delivery may have started it before. Null when there is no such webhook.</param>
/// <param name="Refusal">Why nothing can be started now.</param>
internal sealed record WebhookStart(StartRequest? Request, MeshError? Refusal);
