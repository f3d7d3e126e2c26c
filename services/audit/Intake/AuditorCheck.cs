using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>Asks policy whose token travels with a call. What ingress says about its caller does not count here.</summary>
internal sealed class AuditorCheck(Policy.V1.IdentityService.IdentityServiceClient policy)
{
    /// <summary>Lets auditors and admins of the tenant pass; for the platform's own log, those of all tenants.</summary>
    public async Task RequireAsync(string tenant, ServerCallContext context)
    {
        var principal = await VerifyAsync(context);
        var scope = tenant == Sequencing.LogName.Platform ? Principal.AllTenants : tenant;

        if (principal.Has(scope, Role.Auditor))
        {
            return;
        }

        // A stranger does not learn from the answer that the tenant exists.
        throw principal.CanSee(scope)
            ? Refusals.LacksRole(Role.Auditor, tenant)
            : Refusals.NotFound(Reason.TenantNotFound, $"There is no tenant {tenant}, or not for this caller.");
    }

    public async Task<Principal> VerifyAsync(ServerCallContext context)
    {
        if (context.BearerToken() is not { Length: > 0 } token)
        {
            throw Refusals.Unauthenticated("This call needs the token of whoever makes it, in the authorization metadata.");
        }

        try
        {
            var answer = await policy.AuthenticateAsync(
                new Policy.V1.AuthenticateRequest { Token = token }, cancellationToken: context.CancellationToken);
            return answer.Principal is { } principal
                ? PrincipalMetadata.Read(principal)
                : throw Refusals.Unauthenticated("The token is not known, or was revoked, or has expired.");
        }
        catch (RpcException error) when (RpcFailure.Read(error).IsSilence)
        {
            // Nobody is let in because nobody could be asked.
            throw Refusals.Refused(StatusCode.Unavailable, Reason.PolicyUnavailable, "Policy did not say whose token this is; try again.");
        }
        catch (RpcException error)
        {
            throw RpcFailure.Read(error).ToError().AsException();
        }
    }
}
