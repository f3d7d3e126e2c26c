using System.Collections.Immutable;
using Grpc.Core;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>The refusals that every service needs, ready to throw.</summary>
public static class Refusals
{
    private static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(1);

    /// <summary>Any refusal.</summary>
    public static RefusalException Refused(StatusCode code, Reason reason, string message) => new MeshError(code, reason, message).AsException();

    /// <summary>Fields of the request are wrong.</summary>
    public static RefusalException Invalid(params IEnumerable<FieldError> fields)
    {
        ImmutableArray<FieldError> all = [.. fields];
        return new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, string.Join("; ", all.Select(field => $"{field.Field} {field.Description}"))) { Fields = all }.AsException();
    }

    /// <summary>One field of the request is wrong.</summary>
    public static RefusalException Invalid(string field, string description) => Invalid(new FieldError(field, description));

    /// <summary>The store is away, or has no room; whether it committed is not known.</summary>
    public static MeshError StoreUnavailable() =>
        new(StatusCode.Unavailable, Reason.StoreUnavailable, "The store cannot be reached or has no room; repeat the call with the same keys.") { RetryAfter = StoreRetry };

    /// <summary>The <c>page_token</c> of a list is not one that was issued for it.</summary>
    public static RefusalException PageTokenInvalid() =>
        new MeshError(StatusCode.InvalidArgument, Reason.PageTokenInvalid, "This page token is not one that this server issued.")
        {
            Fields = [new FieldError("page_token", "must be absent, or the next_page_token of an earlier answer")],
        }.AsException();

    /// <summary>Something does not exist, or not for this caller.</summary>
    public static RefusalException NotFound(Reason reason, string message) => Refused(StatusCode.NotFound, reason, message);

    /// <summary>The caller is known and lacks a role.</summary>
    public static RefusalException LacksRole(string role, string tenant) =>
        new MeshError(StatusCode.PermissionDenied, Reason.PermissionDenied, $"This needs the role {role} in the tenant {tenant}.").With("role", role).AsException();

    /// <summary>Nobody known is calling.</summary>
    public static RefusalException Unauthenticated(string message) => Refused(StatusCode.Unauthenticated, Reason.Unauthenticated, message);

    /// <summary>A queue is full; nothing was recorded.</summary>
    public static RefusalException Overloaded(string message, TimeSpan retryAfter) =>
        new MeshError(StatusCode.ResourceExhausted, Reason.Overloaded, message) { RetryAfter = retryAfter }.AsException();
}
