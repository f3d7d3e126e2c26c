using Grpc.Core;
using Mesh.ServiceHost;

namespace Mesh.Policy.Access;

/// <summary>Finds out who calls by their own token. What ingress says about a caller is not enough to approve or to grant.</summary>
internal sealed class Caller(PrincipalStore principals)
{
    /// <summary>Whoever the token in the call belongs to; refuses the call when there is none, or an ended one.</summary>
    public async Task<Principal> VerifyAsync(ServerCallContext context)
    {
        var token = context.BearerToken() ?? throw Refusals.Unauthenticated("This call needs a token.");
        return await principals.AuthenticateAsync(token, context.CancellationToken)
            ?? throw Refusals.Unauthenticated("The token is not known, was revoked or has expired.");
    }

    /// <summary>The same, when the principal has the right in the tenant; refuses the call otherwise.</summary>
    public async Task<Principal> VerifyAsync(ServerCallContext context, Right right, string tenant)
    {
        var principal = await VerifyAsync(context);
        return principal.May(right, tenant) ? principal : throw Refusals.LacksRole(Rights.RoleFor(right), tenant);
    }
}
