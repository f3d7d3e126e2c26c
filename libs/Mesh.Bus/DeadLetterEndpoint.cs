using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus;

/// <summary>The parked messages of this service's own consumers, for the operators of the whole installation.</summary>
public sealed class DeadLetterEndpoint(IDeadLetters letters, Delivery delivery, ILogger<DeadLetterEndpoint> log) : V1.DeadLetterService.DeadLetterServiceBase
{
    private const int PageSizeMax = 200;
    private const int PageSizeDefault = 50;

    /// <inheritdoc />
    public override async Task<V1.ListDeadLettersResponse> ListDeadLetters(V1.ListDeadLettersRequest request, ServerCallContext context)
    {
        RequireOperator(context);
        RequireOwn(request.Consumer);
        var size = request.PageSize switch
        {
            < 0 or > PageSizeMax => throw Refusals.Invalid("page_size", $"must be from 0 to {PageSizeMax}"),
            0 => PageSizeDefault,
            var wanted => wanted,
        };
        var after = request.PageToken.Length == 0 ? Guid.Empty
            : Guid.TryParseExact(request.PageToken, "N", out var last) ? last : throw Refusals.PageTokenInvalid();
        var found = await letters.ListAsync(request.Consumer, after, size + 1, context.CancellationToken);
        var response = new V1.ListDeadLettersResponse { DeadLetters = { found.Take(size).Select(Write) } };

        if (found.Count > size)
        {
            response.NextPageToken = found[size - 1].Message.Id.ToString("N");
        }

        return response;
    }

    /// <inheritdoc />
    public override async Task<V1.GetDeadLetterResponse> GetDeadLetter(V1.GetDeadLetterRequest request, ServerCallContext context)
    {
        RequireOperator(context);
        RequireOwn(request.Consumer);
        var found = await letters.ShowAsync(request.Consumer, Id(request.MessageId), context.CancellationToken) ?? throw NotFound(request.Consumer);
        return new V1.GetDeadLetterResponse { DeadLetter = Write(found) };
    }

    /// <inheritdoc />
    public override async Task<V1.RetryDeadLetterResponse> RetryDeadLetter(V1.RetryDeadLetterRequest request, ServerCallContext context)
    {
        var principal = RequireOperator(context);
        RequireOwn(request.Consumer);

        if (!await letters.RetryAsync(request.Consumer, Id(request.MessageId), context.CancellationToken))
        {
            throw NotFound(request.Consumer);
        }

        log.DeadLetterRetried(principal.Id, request.MessageId, request.Consumer);
        return new V1.RetryDeadLetterResponse();
    }

    /// <inheritdoc />
    public override async Task<V1.DiscardDeadLetterResponse> DiscardDeadLetter(V1.DiscardDeadLetterRequest request, ServerCallContext context)
    {
        var principal = RequireOperator(context);
        RequireOwn(request.Consumer);

        if (!await letters.DiscardAsync(request.Consumer, Id(request.MessageId), context.CancellationToken))
        {
            throw NotFound(request.Consumer);
        }

        log.DeadLetterDiscarded(principal.Id, request.MessageId, request.Consumer);
        return new V1.DiscardDeadLetterResponse();
    }

    // A consumer's messages are those of all tenants.
    private static Principal RequireOperator(ServerCallContext context) => context.RequireRole(Principal.AllTenants, Role.Operator);

    private void RequireOwn(string consumer)
    {
        if (!delivery.Subscriptions.ContainsKey(consumer))
        {
            throw Refusals.Invalid("consumer", $"must be {string.Join(" or ", delivery.Subscriptions.Keys)}");
        }
    }

    private static Guid Id(string text) =>
        Guid.TryParse(text, out var id) ? id : throw Refusals.Invalid("message_id", "must be the whole id of a message, a UUID");

    private static RefusalException NotFound(string consumer) =>
        Refusals.NotFound(Reason.DeadLetterNotFound, $"{consumer} has no parked message of this id; it may have been retried or discarded.");

    private static V1.DeadLetter Write(DeadLetter letter) => new()
    {
        Consumer = letter.Consumer,
        MessageId = letter.Message.Id.ToString("D"),
        Tenant = letter.Message.Tenant,
        Key = letter.Message.Key,
        KeySequence = letter.Message.KeySequence,
        Type = letter.Message.Type,
        Attempts = letter.Attempts,
        Error = letter.Error,
        ParkedAt = Timestamp.FromDateTimeOffset(letter.ParkedAt),
        Body = UnsafeByteOperations.UnsafeWrap(letter.Message.Body),
    };
}
