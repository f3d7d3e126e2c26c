using Grpc.Core;
using Mesh.Policy.Access;
using Mesh.ServiceHost;

namespace Mesh.Policy.Intake;

/// <summary>Who is asking: for ingress, and for the services that verify a person themselves.</summary>
internal sealed class IdentityEndpoint(PrincipalStore principals) : V1.IdentityService.IdentityServiceBase
{
    public override async Task<V1.AuthenticateResponse> Authenticate(V1.AuthenticateRequest request, ServerCallContext context) =>
        await principals.AuthenticateAsync(request.Token, context.CancellationToken) is { } principal
            ? new V1.AuthenticateResponse { Principal = PrincipalMetadata.Write(principal) }
            : new V1.AuthenticateResponse();
}
