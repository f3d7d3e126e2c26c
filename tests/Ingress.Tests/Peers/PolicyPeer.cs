using Grpc.Core;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Tests.Peers;

internal sealed class IdentityPeer(Recorded recorded) : Policy.V1.IdentityService.IdentityServiceBase
{
    public override Task<Policy.V1.AuthenticateResponse> Authenticate(Policy.V1.AuthenticateRequest request, ServerCallContext context)
    {
        Interlocked.Increment(ref recorded.IdentityQuestions);

        if (recorded.IdentityRefuses is { } refusal)
        {
            throw refusal;
        }

        return Task.FromResult(new Policy.V1.AuthenticateResponse
        {
            Principal = recorded.Tokens.TryGetValue(request.Token, out var id)
                ? new Policy.V1.Principal
                {
                    Id = id,
                    Kind = Policy.V1.Principal.Types.Kind.Person,
                    TokenId = "t1",
                    Roles = { new Policy.V1.RoleGrant { Tenant = "*", Role = Role.Admin } },
                }
                : null,
        });
    }
}

internal sealed class AccessPeer(Recorded recorded) : Policy.V1.AccessService.AccessServiceBase
{
    public override Task<Policy.V1.WhoAmIResponse> WhoAmI(Policy.V1.WhoAmIRequest request, ServerCallContext context)
    {
        recorded.Callers.Enqueue((context.Principal(), context.BearerToken(), [.. context.RequestHeaders.Select(header => header.Key)]));
        return Task.FromResult(new Policy.V1.WhoAmIResponse { Principal = PrincipalMetadata.Write(context.Principal()) });
    }

    public override Task<Policy.V1.CreateTokenResponse> CreateToken(Policy.V1.CreateTokenRequest request, ServerCallContext context) =>
        request.Principal.Length == 0
            ? throw Refusals.Invalid("principal", "must be a name")
            : Task.FromResult(new Policy.V1.CreateTokenResponse { Token = "mesh_x", TokenId = request.Note.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) });
}
