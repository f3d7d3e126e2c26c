using Grpc.Core;

namespace Mesh.ServiceHost;

/// <summary>Who is behind a gRPC call: the service that makes it, and the principal that it is made for.</summary>
public static class CallerContext
{
    /// <summary>The service at the other end of the connection.</summary>
    public static CallerIdentity Caller(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<CallerIdentity>()
        ?? throw Refusals.Refused(StatusCode.PermissionDenied, Errors.V1.Reason.CallerNotAllowed, "This connection has no identity.");

    /// <summary>The principal that ingress authenticated; refuses the call when there is none.</summary>
    public static Principal Principal(this ServerCallContext context) =>
        context.FindPrincipal() ?? throw Refusals.Unauthenticated("This call needs a token; none was shown, or it is not known.");

    /// <summary>The principal that ingress authenticated, or null.</summary>
    public static Principal? FindPrincipal(this ServerCallContext context) =>
        // Ingress alone speaks for people. From another service the entry is only a claim.
        context.Caller().Name == "ingress" ? PrincipalMetadata.Find(context.GetHttpContext().Request.Headers) : null;

    /// <summary>The bearer token that travels along, for the owners that verify it again; null when there is none.</summary>
    public static string? BearerToken(this ServerCallContext context)
    {
        const string Scheme = "Bearer ";
        return context.GetHttpContext().Request.Headers.Authorization is [{ } value] && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? value[Scheme.Length..].Trim()
            : null;
    }

    /// <summary>The principal, when it holds one of these roles (or admin) in the tenant; refuses the call otherwise.</summary>
    public static Principal RequireRole(this ServerCallContext context, string tenant, params ReadOnlySpan<string> roles)
    {
        var principal = context.Principal();
        return principal.Has(tenant, roles) ? principal : throw Refusals.LacksRole(string.Join(" or ", roles.ToArray()), tenant);
    }
}
