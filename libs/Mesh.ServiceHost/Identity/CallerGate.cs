using Grpc.AspNetCore.Server;
using Grpc.Core;
using Mesh.Errors.V1;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;

namespace Mesh.ServiceHost;

/// <summary>Lets a request pass only when the caller table gives its method to its caller, before the body is read.</summary>
internal sealed class CallerGate(RequestDelegate next, TimeProvider clock, ErrorWriter errors, ILogger<CallerGate> log)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint() is not { } endpoint || MethodOf(endpoint) is not { } method)
        {
            // On the peers' listener there is nothing but methods; elsewhere the service decides about its own pages.
            return context.Features.Get<PeerListener>() is null ? next(context) : RefuseAsync(context, context.Request.Path);
        }

        var caller = context.Features.Get<CallerIdentity>();
        return caller is not null && caller.ValidUntil > clock.GetUtcNow() && CallerTable.Allows(method, caller.Name)
            ? next(context)
            : RefuseAsync(context, method);
    }

    internal static string? MethodOf(Endpoint endpoint) =>
        endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName
        ?? (endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>()?.MethodDescriptor is { } transcoded
            ? $"/{transcoded.Service.FullName}/{transcoded.Name}"
            : null);

    private Task RefuseAsync(HttpContext context, string method)
    {
        var caller = context.Features.Get<CallerIdentity>()?.Name ?? "nobody";
        log.CallerNotAllowed(caller, method);
        return errors.WriteAsync(context, new MeshError(StatusCode.PermissionDenied, Reason.CallerNotAllowed, $"'{caller}' may not call {method}."));
    }
}
