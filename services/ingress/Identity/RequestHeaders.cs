using System.Collections.Frozen;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Identity;

/// <summary>What of a stranger's headers goes on to the owners: a short list, and whom ingress found to be calling.</summary>
internal static class RequestHeaders
{
    // A list of what passes, because a list of what does not would have to know every header that anybody believes.
    private static readonly FrozenSet<string> Passing = new[]
    {
        "accept", "authorization", "content-length", "content-type", "grpc-accept-encoding", "grpc-encoding", "grpc-timeout", "host", "te", "transfer-encoding", "user-agent",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes away what does not pass, and states the principal.</summary>
    public static void SpeakFor(HttpContext context, Principal principal)
    {
        var headers = context.Request.Headers;

        foreach (var name in headers.Keys.Where(name => !Passing.Contains(name)).ToArray())
        {
            headers.Remove(name);
        }

        headers[PrincipalMetadata.Name] = PrincipalMetadata.HeaderValue(principal);
        context.Features.Set(principal);
    }
}
