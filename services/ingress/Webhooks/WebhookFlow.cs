using System.Diagnostics;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Bounds;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Webhooks;

/// <summary>Takes one delivery from raw bytes to a durable task.</summary>
/// <remarks>
/// The bytes that were signed are the bytes that are checked and handed on; nothing is parsed before. Strangers learn one
/// thing only, that they were not accepted: whether the webhook exists, and what was wrong, is in a metric.
/// </remarks>
internal sealed class WebhookFlow(
    InFlight inFlight,
    BodyReader reader,
    WebhookKeyring keyring,
    Orchestrator.V1.IntakeService.IntakeServiceClient orchestrator,
    IngressOptions options,
    WebhookRejections rejections,
    TimeProvider clock,
    ILogger<WebhookFlow> log)
{
    private static readonly byte[] NotAccepted = """{"code":16,"message":"The delivery was not accepted."}"""u8.ToArray();
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(5);

    /// <summary>Null when it was answered, else what is refused.</summary>
    public async Task<MeshError?> RunAsync(HttpContext context, string tenant, string webhook)
    {
        var received = clock.GetUtcNow();

        // All that can be known without the body, before a byte of it is waited for. That there is no such webhook is not among
        // it: whoever asks must wait as long for a name that exists as for one that does not.
        if (Delivery.Read(context.Request.Headers, out var malformed) is not { } delivery)
        {
            return await RejectAsync(context, tenant, webhook, malformed);
        }

        if (!StandardWebhooks.IsFresh(delivery, received))
        {
            return await RejectAsync(context, tenant, webhook, "stale");
        }

        switch (await ReadAsync(context.Request))
        {
            case BodyReading.Whole whole:
                return await AcceptAsync(context, tenant, webhook, delivery, whole.Bytes, received);

            case BodyReading.TooLarge:
                rejections.Count("too_large");
                return Answers.TooLarge(BodyLimits.JsonBytesMax);

            case BodyReading.TooSlow:
                rejections.Count("too_slow");
                return Answers.TooSlow(options.BodyTimeout);

            case BodyReading.Broken:
                rejections.Count("broken");
                return Answers.Broken();

            case null:
                rejections.Count("overloaded");
                return InFlight.UnverifiedRefusal;

            default:
                throw new UnreachableException("There are no other readings.");
        }
    }

    // Null when too many others are being read.
    private async Task<BodyReading?> ReadAsync(HttpRequest request)
    {
        using var place = inFlight.TryEnterUnverified();
        return place is null ? null : await reader.ReadAsync(request, BodyLimits.JsonBytesMax);
    }

    private async Task<MeshError?> AcceptAsync(
        HttpContext context, string tenant, string webhook, Delivery delivery, byte[] body, DateTimeOffset received)
    {
        var started = clock.GetTimestamp();

        if (await keyring.FindAsync(tenant, webhook, context.RequestAborted) is not { } keys)
        {
            return Answers.Unavailable("vault") with { RetryAfter = ComeBack };
        }

        // An unknown webhook is checked too, with keys that nothing fits: it takes as long.
        if (!StandardWebhooks.IsSigned(delivery, body, keys))
        {
            return await RejectAsync(context, tenant, webhook, ReferenceEquals(keys, WebhookKeys.None) ? "unknown" : "signature");
        }

        using var place = inFlight.TryEnter();

        if (place is null)
        {
            rejections.Count("overloaded");
            return InFlight.Refusal;
        }

        return await SubmitAsync(context, new Orchestrator.V1.SubmitWebhookRequest
        {
            Tenant = tenant,
            Webhook = webhook,
            Body = UnsafeByteOperations.UnsafeWrap(body),
            ReplayKey = delivery.Id,
            ReceivedAt = received.ToTimestamp(),
            VerifyDuration = clock.GetElapsedTime(started).ToDuration(),
        });
    }

    private async Task<MeshError?> SubmitAsync(HttpContext context, Orchestrator.V1.SubmitWebhookRequest request)
    {
        Orchestrator.V1.SubmitWebhookResponse response;

        try
        {
            // Not the sender's patience: whether it hangs up or not, the delivery is to become a task.
            response = await orchestrator.SubmitWebhookAsync(request);
        }
        catch (RpcException thrown)
        {
            return Refusal(thrown, request.Tenant, request.Webhook);
        }

        if (response.Existed)
        {
            rejections.Count("replay");
        }

        context.Response.StatusCode = response.Existed ? StatusCodes.Status200OK : StatusCodes.Status202Accepted;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(Write(response), context.RequestAborted);
        return null;
    }

    // The signature was right: whoever sent this may know what is wrong with it.
    private MeshError Refusal(RpcException thrown, string tenant, string webhook)
    {
        var failure = RpcFailure.Read(thrown);

        switch (failure)
        {
            case { IsSilence: true }:
                log.IntakeNotReached(tenant, webhook, failure.Code.ToString());
                return Answers.Unavailable("orchestrator") with { RetryAfter = ComeBack };

            case { Code: StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Aborted }:
                log.IntakeNotReached(tenant, webhook, failure.Reason.ToString());
                return failure.ToError() with { HttpStatus = StatusCodes.Status503ServiceUnavailable, RetryAfter = failure.RetryAfter ?? ComeBack };

            case { Code: StatusCode.ResourceExhausted }:
                return failure.ToError() with { RetryAfter = failure.RetryAfter ?? ComeBack };

            case { Reason: Reason.Unspecified or Reason.Internal or Reason.CallerNotAllowed }:
                log.IntakeFailed(tenant, webhook, failure.Code, failure.Message);
                return Answers.Defect(Activity.Current?.TraceId.ToHexString() ?? "");

            case { Code: StatusCode.PermissionDenied or StatusCode.NotFound }:
                rejections.Count(failure.Code == StatusCode.NotFound ? "not_found" : "denied");
                return failure.ToError();

            default:
                rejections.Count("refused");
                return failure.ToError() with { HttpStatus = StatusCodes.Status422UnprocessableEntity };
        }
    }

    private async Task<MeshError?> RejectAsync(HttpContext context, string tenant, string webhook, string reason)
    {
        rejections.Count(reason);
        log.DeliveryRejected(Shown(tenant), Shown(webhook), reason);
        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(NotAccepted, context.RequestAborted);
        return null;
    }

    // A stranger's path is not a name yet.
    private static string Shown(string name) => Manifests.Names.IsName(name) ? name : "?";

    private static byte[] Write(Orchestrator.V1.SubmitWebhookResponse response)
    {
        using var text = new MemoryStream();

        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();

            // The same delivery id with another body has no task of its own to name.
            if (response.TaskId.Length > 0)
            {
                json.WriteString("task", response.TaskId);
            }

            if (response.Existed)
            {
                json.WriteBoolean("replay", true);
            }

            json.WriteEndObject();
        }

        return text.ToArray();
    }
}
