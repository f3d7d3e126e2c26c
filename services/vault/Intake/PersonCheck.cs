using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Vault.Intake;

/// <summary>Asks policy who a token belongs to. What ingress says about its caller does not count here.</summary>
internal sealed class PersonCheck(Policy.V1.IdentityService.IdentityServiceClient policy)
{
    /// <summary>The person or system whose token travels with this call.</summary>
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
            throw Refusals.Refused(StatusCode.Unavailable, Reason.PolicyUnavailable, "Policy did not say whose token this is; nothing was changed.");
        }
        catch (RpcException error)
        {
            throw RpcFailure.Read(error).ToError().AsException();
        }
    }
}
