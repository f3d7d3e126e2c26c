using System.Net;
using Mesh.Ingress.Bounds;
using Mesh.ServiceHost;
using Yarp.ReverseProxy.Forwarder;

namespace Mesh.Ingress.Forwarding;

/// <summary>What changes between a stranger's request and an owner's. The headers were cleaned before.</summary>
internal sealed class PeerTransformer : HttpTransformer
{
    public static readonly PeerTransformer Instance = new();

    private const int ErrorBytesMax = 1024 * 1024;

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);

        // The name that a stranger used for us is not the owner's.
        proxyRequest.Headers.Host = null;

        if (httpContext.Request.Body is BoundedStream)
        {
            proxyRequest.Options.Set(ReplicaHandler.IsStreamed, true);
        }
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        // Nobody can act on a status alone. Whoever forwards says something in its place.
        if (proxyResponse is { IsSuccessStatusCode: false, Content.Headers.ContentType: null })
        {
            httpContext.Features.Set(new EmptyAnswer((int)proxyResponse.StatusCode));
            return false;
        }

        if (proxyResponse is { StatusCode: HttpStatusCode.BadRequest, Content.Headers.ContentType.MediaType: "application/json" }
            && await UnexplainedAsync(proxyResponse.Content, cancellationToken) is { } unexplained)
        {
            httpContext.Features.Set(unexplained);
            return false;
        }

        // Both ends state their time; one header is enough.
        proxyResponse?.Headers.Remove("mesh-time");
        return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
    }

    // What a transcoder refuses before any method is asked (a query that is no number) has words, and no reason.
    private static async Task<UnexplainedAnswer?> UnexplainedAsync(HttpContent content, CancellationToken stop)
    {
        // Into the content's own buffer, out of which whoever copies it on reads again.
        await content.LoadIntoBufferAsync(ErrorBytesMax, stop);
        return TranscodedError.UnexplainedIn(await content.ReadAsByteArrayAsync(stop)) is { } message ? new UnexplainedAnswer(message) : null;
    }

    /// <summary>The owner answered with a status and nothing else.</summary>
    internal sealed record EmptyAnswer(int Status);

    /// <summary>The owner said what is wrong with the request, and gave no reason that a program could read.</summary>
    internal sealed record UnexplainedAnswer(string Message);
}
