using System.Diagnostics;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Forwarding;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Microsoft.Net.Http.Headers;

namespace Mesh.Ingress.Bounds;

/// <summary>Lets a body pass only within its limits; and JSON only when every reader understands the same by it.</summary>
/// <remarks>The transcoders behind it round large numbers and let the last of two equal keys win; approvals are about bytes.</remarks>
internal sealed class RequestBodies(BodyReader reader, IngressOptions options)
{
    /// <summary>Why the body is refused, or null; then it is in memory for whoever reads it next, unless it is a stream.</summary>
    public async Task<MeshError?> CheckAsync(HttpContext context, Destination.Method method)
    {
        var request = context.Request;

        if (method.TakesStream)
        {
            request.Body = new BoundedStream(request.Body, BodyLimits.StreamBytesMax);
            return null;
        }

        // What is compressed is larger than it looks. gRPC has a header of its own for messages, which the owners bound.
        if (!method.IsGrpc && request.Headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
        {
            return Answers.Invalid("content-encoding", "must be absent or identity");
        }

        var bytesMax = BodyLimits.Of(method);

        switch (await reader.ReadAsync(request, bytesMax))
        {
            case BodyReading.Whole { Bytes: var bytes }:
                if (method.Json is { TakesBody: true } && bytes.Length == 0)
                {
                    return Answers.Invalid("body", "must be an object, and is empty");
                }

                if (!method.IsGrpc && bytes.Length > 0 && CheckJson(request, bytes, method) is { } refusal)
                {
                    return refusal;
                }

                request.Body = new MemoryStream(bytes, writable: false);
                request.ContentLength = bytes.Length;
                request.Headers.Remove(HeaderNames.TransferEncoding);
                return null;

            case BodyReading.TooLarge:
                return Answers.TooLarge(bytesMax);

            case BodyReading.TooSlow:
                return Answers.TooSlow(options.BodyTimeout);

            case BodyReading.Broken:
                return Answers.Broken();

            default:
                throw new UnreachableException("There are no other readings.");
        }
    }

    private static MeshError? CheckJson(HttpRequest request, byte[] bytes, Destination.Method method)
    {
        if (!IsJson(request))
        {
            return Answers.Invalid("content-type", "must be application/json, in UTF-8");
        }

        if (CanonicalJson.Check(bytes) is { } refusal)
        {
            return new MeshError(StatusCode.InvalidArgument, Reason.JsonRefused, $"The body is not JSON that can be used: {refusal}.").With("path", refusal.Path);
        }

        return ContractShape.FirstMisfit(bytes, method.Input) is { } misfit ? Refusals.Invalid(misfit).Error : null;
    }

    // Another charset would be decoded behind the check, and be another document there.
    private static bool IsJson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));
}
