using System.Globalization;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.Net.Http.Headers;

namespace Mesh.Toolrunner.Intake;

/// <summary>Stands before the JSON transcoder on agents' sockets, which rounds numbers, lets the last of two keys win and drops what it does not know.</summary>
internal sealed class StrictJsonBody(RequestDelegate next, ErrorWriter errors)
{
    // A value of 256 KiB may be written with escapes for every character.
    private const int BytesMax = 2 * 1024 * 1024;

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<Agents.Agent>() is null || IsFramed(context.Request))
        {
            await next(context);
            return;
        }

        // The transcoder takes whatever ends in +json, in any charset: it would read something else than what is checked here.
        if (!IsJson(context.Request.ContentType))
        {
            await errors.WriteAsync(context, new MeshError(
                StatusCode.InvalidArgument, Reason.Unsupported, "The content type must be application/json, in UTF-8."));
            return;
        }

        using var body = new MemoryStream();

        if (!await TryReadAsync(context.Request.Body, body, context.RequestAborted))
        {
            await errors.WriteAsync(context, new MeshError(
                StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"The body is larger than {BytesMax} bytes.")
                .With("limit_bytes", BytesMax.ToString(CultureInfo.InvariantCulture)));
            return;
        }

        if (Refusal(body.GetBuffer().AsSpan(0, (int)body.Length), context.GetEndpoint()) is { } refusal)
        {
            await errors.WriteAsync(context, refusal);
            return;
        }

        body.Position = 0;
        context.Request.Body = body;
        await AnswerAsync(context);
    }

    private static MeshError? Refusal(ReadOnlySpan<byte> json, Endpoint? endpoint)
    {
        if (CanonicalJson.Check(json) is { } refusal)
        {
            return new MeshError(StatusCode.InvalidArgument, Reason.JsonRefused, $"The body is refused: {refusal}.").With("path", refusal.Path);
        }

        // None at a path that there is not.
        return endpoint?.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is { MethodDescriptor.InputType: var request }
            && ContractShape.FirstMisfit(json, request) is { } misfit
                ? Refusals.Invalid(misfit).Error
                : null;
    }

    // gRPC frames its messages and needs HTTP/2, and the transcoder refuses both types.
    private static bool IsFramed(HttpRequest request) =>
        HttpProtocol.IsHttp2(request.Protocol) && request.ContentType is "application/grpc" or "application/grpc+proto";

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    // Held until it is whole: what the transcoder refuses by itself, and paths that there are not, get a reason too.
    private async Task AnswerAsync(HttpContext context)
    {
        var socket = context.Response.Body;
        using var held = new MemoryStream();
        context.Response.Body = held;

        try
        {
            await next(context);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        }
        finally
        {
            context.Response.Body = socket;
        }

        var written = held.GetBuffer().AsMemory(0, (int)held.Length);

        switch (context.Response.StatusCode)
        {
            case StatusCodes.Status400BadRequest when TranscodedError.UnexplainedIn(written.Span) is { } words:
                context.Response.ContentLength = null;
                await errors.WriteAsync(context, new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, words));
                break;

            case StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed when written.IsEmpty:
                await errors.WriteAsync(context, new MeshError(StatusCode.NotFound, Reason.Unsupported, "There is nothing for agents at this path."));
                break;

            default:
                await socket.WriteAsync(written, context.RequestAborted);
                break;
        }
    }

    private static async Task<bool> TryReadAsync(Stream from, MemoryStream to, CancellationToken stop)
    {
        var buffer = new byte[16 * 1024];

        while (await from.ReadAsync(buffer, stop) is > 0 and var read)
        {
            if (to.Length + read > BytesMax)
            {
                return false;
            }

            to.Write(buffer, 0, read);
        }

        return true;
    }
}
