using System.Diagnostics;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Bounds;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Webhooks;

/// <summary>Takes one delivery from raw bytes to a durable task, or to a durable place in the queue for one.</summary>
/// <remarks>
/// The bytes that were signed are the bytes that are checked and handed on; nothing is parsed before. Strangers learn one
/// thing only, that they were not accepted: whether the webhook exists, how it is signed, and what was wrong, is in a metric.
/// </remarks>
internal sealed class WebhookFlow(
    InFlight inFlight,
    BodyReader reader,
    WebhookKeyring keyring,
    Orchestrator.V1.IntakeService.IntakeServiceClient orchestrator,
    DeliveryQueue queue,
    IngressOptions options,
    WebhookRejections rejections,
    TimeProvider clock,
    ILogger<WebhookFlow> log)
{
    private static readonly byte[] NotAccepted = """{"code":16,"message":"The delivery was not accepted."}"""u8.ToArray();
    private static readonly byte[] Queued = """{"queued":true,"message":"The delivery is accepted and durable. It has no task yet: it gets one when an orchestrator is back."}"""u8.ToArray();
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(5);

    // Longer than the orchestrator waits for policy, and short enough that a broker still takes the delivery while a sender that waits
    // for 10 seconds, as GitHub does, is there to hear of it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    /// <summary>Null when it was answered, else what is refused.</summary>
    public async Task<MeshError?> RunAsync(HttpContext context, string tenant, string webhook)
    {
        var received = clock.GetUtcNow();

        // All that can be known without the body, before a byte of it is waited for. Which headers matter is the webhook's scheme, so
        // nothing else is among it: whoever asks must wait as long for a name that exists as for one that does not.
        if (context.Request.Headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
        {
            return await RejectAsync(context, tenant, webhook, "content_encoding");
        }

        switch (await ReadAsync(context.Request))
        {
            case BodyReading.Whole whole:
                return await AcceptAsync(context, tenant, webhook, whole.Bytes, received);

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

    private async Task<MeshError?> AcceptAsync(HttpContext context, string tenant, string webhook, byte[] body, DateTimeOffset received)
    {
        var started = clock.GetTimestamp();

        switch (await CheckAsync(context, tenant, webhook, body, received))
        {
            case null:
                return Answers.Unavailable("vault") with { RetryAfter = ComeBack };

            case Verdict.Rejected rejected:
                return await RejectAsync(context, tenant, webhook, rejected.Reason);

            case Verdict.Accepted accepted:
                return await SubmitAsync(context, new Orchestrator.V1.SubmitWebhookRequest
                {
                    Tenant = tenant,
                    Webhook = webhook,
                    Body = UnsafeByteOperations.UnsafeWrap(body),
                    ReplayKey = accepted.ReplayKey,
                    ReceivedAt = received.ToTimestamp(),
                    VerifyDuration = clock.GetElapsedTime(started).ToDuration(),
                });

            default:
                throw new UnreachableException("There are no other verdicts.");
        }
    }

    // Null when the vault did not say. What does not pass may have been signed with a secret that was put a moment ago.
    private async Task<Verdict?> CheckAsync(HttpContext context, string tenant, string webhook, byte[] body, DateTimeOffset received)
    {
        if (await keyring.FindAsync(tenant, webhook, context.RequestAborted) is not { } door)
        {
            return null;
        }

        var verdict = SignatureCheck.Of(context.Request.Headers, body, door, received);

        if (verdict is Verdict.Accepted)
        {
            return verdict;
        }

        var again = await keyring.FindAgainAsync(tenant, webhook, door, context.RequestAborted);

        return again is null ? null : ReferenceEquals(again, door) ? verdict : SignatureCheck.Of(context.Request.Headers, body, again, received);
    }

    private async Task<MeshError?> SubmitAsync(HttpContext context, Orchestrator.V1.SubmitWebhookRequest request)
    {
        using var place = inFlight.TryEnter();

        if (place is null)
        {
            rejections.Count("overloaded");
            return InFlight.Refusal;
        }

        Orchestrator.V1.SubmitWebhookResponse response;

        try
        {
            // Not the sender's patience: whether it hangs up or not, the delivery is to become a task.
            response = await orchestrator.SubmitWebhookAsync(request, deadline: DateTime.UtcNow + Patience);
        }
        catch (RpcException thrown)
        {
            return await QueueAsync(context, request, RpcFailure.Read(thrown));
        }

        if (response.Existed)
        {
            rejections.Count("replay");
        }

        return await AnswerAsync(context, response.Existed ? StatusCodes.Status200OK : StatusCodes.Status202Accepted, Write(response));
    }

    // Only where it may become a task later: what the orchestrator refused, it would refuse again.
    private async Task<MeshError?> QueueAsync(HttpContext context, Orchestrator.V1.SubmitWebhookRequest request, RpcFailure failure)
    {
        if (!IsAway(failure) || !await queue.TryAddAsync(request))
        {
            return Refusal(failure, request.Tenant, request.Webhook);
        }

        log.DeliveryQueued(request.Tenant, request.Webhook, CauseOf(failure));
        return await AnswerAsync(context, StatusCodes.Status202Accepted, Queued);
    }

    // No orchestrator answered, or it says that its store or policy is away: nothing durable happened, as far as anybody knows.
    private static bool IsAway(RpcFailure failure) => failure.IsSilence || failure.Code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Aborted;

    private static string CauseOf(RpcFailure failure) => failure.IsSilence ? failure.Code.ToString() : failure.Reason.ToString();

    // The signature was right: whoever sent this may know what is wrong with it.
    private MeshError Refusal(RpcFailure failure, string tenant, string webhook)
    {
        switch (failure)
        {
            case var _ when IsAway(failure):
                log.IntakeNotReached(tenant, webhook, CauseOf(failure));
                return (failure.IsSilence ? Answers.Unavailable("orchestrator") : failure.ToError()) with
                {
                    HttpStatus = StatusCodes.Status503ServiceUnavailable,
                    RetryAfter = failure.RetryAfter ?? ComeBack,
                };

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
        return await AnswerAsync(context, StatusCodes.Status401Unauthorized, NotAccepted);
    }

    private static async Task<MeshError?> AnswerAsync(HttpContext context, int status, byte[] json)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
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
