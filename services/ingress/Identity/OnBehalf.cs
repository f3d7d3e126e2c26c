using Grpc.Core;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Identity;

/// <summary>What goes along when ingress asks a peer for a caller: who that is, and the caller's own token.</summary>
internal static class OnBehalf
{
    public static Metadata Of(ServerCallContext context)
    {
        var principal = context.GetHttpContext().Features.Get<Principal>() ?? throw Refusals.Unauthenticated("This call needs a token.");
        var metadata = new Metadata { { "authorization", $"Bearer {context.BearerToken()}" } };
        metadata.Add(principal);
        return metadata;
    }
}
