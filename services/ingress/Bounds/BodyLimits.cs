using Mesh.Ingress.Forwarding;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Http.Features;

namespace Mesh.Ingress.Bounds;

/// <summary>How large a body may be, by what it is for.</summary>
internal static class BodyLimits
{
    /// <summary>JSON, and webhooks.</summary>
    public const int JsonBytesMax = 1024 * 1024;

    /// <summary>One message of a gRPC call.</summary>
    public const int MessageBytesMax = 4 * 1024 * 1024;

    /// <summary>A stream: a bundle of 64 MiB, and the frames around its chunks.</summary>
    public const int StreamBytesMax = 66 * 1024 * 1024;

    public static int Of(Destination.Method method) => !method.IsGrpc ? JsonBytesMax : method.TakesStream ? StreamBytesMax : MessageBytesMax;

    /// <summary>Lets the server read up to the method's limit; refuses at once what says that it is larger.</summary>
    public static MeshError? Set(HttpContext context, Destination.Method method)
    {
        var bytesMax = Of(method);

        if (context.Request.ContentLength > bytesMax)
        {
            return Answers.TooLarge(bytesMax);
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } server)
        {
            // One more than may be: the limit and its error are ours, the server's is only behind it.
            server.MaxRequestBodySize = bytesMax + 1L;
        }

        return null;
    }
}
