using System.Collections.Immutable;
using Google.Rpc;
using Grpc.Core;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>What a peer answered instead of a result.</summary>
/// <param name="Code">The gRPC status code.</param>
/// <param name="Reason">The reason; <see cref="Reason.Unspecified"/> when the peer did not give one, or a newer one.</param>
/// <param name="Message">The sentence for people.</param>
/// <param name="Fields">The fields that were wrong.</param>
/// <param name="Metadata">The details of the reason.</param>
/// <param name="RetryAfter">When to come back, where the peer said so.</param>
public sealed record RpcFailure(
    StatusCode Code,
    Reason Reason,
    string Message,
    ImmutableArray<FieldError> Fields,
    ImmutableDictionary<string, string> Metadata,
    TimeSpan? RetryAfter)
{
    /// <summary>The peer gave no answer of its own: it is away, silent or cut off. Whether it acted is not known.</summary>
    public bool IsSilence { get; private init; }

    /// <summary>Reads the failure out of what a gRPC client throws.</summary>
    public static RpcFailure Read(RpcException failure)
    {
        var status = failure.GetRpcStatus();
        var info = status?.GetDetail<ErrorInfo>() is { } found && found.Domain == ErrorStatus.Domain ? found : null;

        return new RpcFailure(
            failure.StatusCode,
            info is null ? Reason.Unspecified : ErrorStatus.ReasonOf(info.Reason),
            failure.Status.Detail,
            status?.GetDetail<BadRequest>()?.FieldViolations.Select(field => new FieldError(field.Field, field.Description)).ToImmutableArray() ?? [],
            info?.Metadata.ToImmutableDictionary() ?? ImmutableDictionary<string, string>.Empty,
            status?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan())
        {
            IsSilence = info is null && IsTransport(failure),
        };
    }

    /// <summary>The same refusal, for handing on to this service's own caller.</summary>
    public MeshError ToError() => new(Code, Reason, Message) { Fields = Fields, Metadata = Metadata, RetryAfter = RetryAfter };

    // With TLS 1.3 a server refuses a certificate only after the client's handshake ended: then the first request breaks, as INTERNAL.
    private static bool IsTransport(RpcException failure) => failure.StatusCode switch
    {
        StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled => true,
        StatusCode.Internal => failure.Status.DebugException is HttpRequestException or IOException,
        _ => false,
    };
}
