using System.Collections.Immutable;
using System.Reflection;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress;

/// <summary>What strangers are told that does not come from an owner.</summary>
internal static class Answers
{
    private static readonly string Version = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "0.0.0";

    public static Task FrontPageAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(
            $"Mesh {Version}\nThe API is under /v1, as JSON here and as gRPC on the port beside; webhooks come in at /hooks/TENANT/NAME.\nStart with docs/life-of-a-task.md of the repository, or with: mesh --help\n",
            context.RequestAborted);
    }

    public static Task RefuseAsync(HttpContext context, MeshError error, ErrorWriter errors)
    {
        if (error.Code == StatusCode.Unauthenticated)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        return errors.WriteAsync(context, error);
    }

    public static MeshError Unavailable(string service) =>
        new MeshError(StatusCode.Unavailable, Reason.ServiceUnavailable, $"The service {service} cannot be reached; try again.") { RetryAfter = TimeSpan.FromSeconds(1) }
            .With("service", service);

    public static MeshError TooLarge(long bytesMax) =>
        new MeshError(StatusCode.InvalidArgument, Reason.PayloadTooLarge, $"The body is larger than {bytesMax} bytes.")
        {
            HttpStatus = StatusCodes.Status413PayloadTooLarge,
            Metadata = ImmutableDictionary<string, string>.Empty.Add("limit_bytes", bytesMax.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        };

    public static MeshError TooSlow(TimeSpan limit) =>
        new(StatusCode.DeadlineExceeded, Reason.DeadlineExceeded, $"The body did not arrive within {limit.TotalSeconds:0.#} s; nothing was done.")
        {
            HttpStatus = StatusCodes.Status408RequestTimeout,
        };

    public static MeshError Broken() => new(StatusCode.InvalidArgument, Reason.InvalidArgument, "The body ended before its end; nothing was done.");

    public static MeshError Invalid(string field, string description) => Refusals.Invalid(field, description).Error;

    public static MeshError Defect(string requestId) =>
        new(StatusCode.Internal, Reason.Internal, $"Something went wrong that should not have; the service's log has it as {requestId}.");
}
