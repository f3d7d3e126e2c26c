using Google.Rpc;
using Grpc.Core;

namespace Mesh.Connection;

/// <summary>What Mesh, or the way to it, answered instead of a result.</summary>
/// <param name="Code">The gRPC status code.</param>
/// <param name="Reason">A name of <c>mesh.errors.v1.Reason</c>, also one that this build does not know; empty when none was given.</param>
/// <param name="Message">The sentence for people.</param>
/// <param name="RetryAfter">When to come back, where the server said so.</param>
/// <param name="IsTransport">The request itself broke off; whether it arrived is not known.</param>
internal sealed record Refusal(StatusCode Code, string Reason, string Message, TimeSpan? RetryAfter, bool IsTransport)
{
    private const string Domain = "mesh";

    public static Refusal Read(RpcException failure)
    {
        var status = failure.GetRpcStatus();
        var info = status?.GetDetail<ErrorInfo>();

        return new Refusal(
            failure.StatusCode,
            info?.Domain == Domain ? info.Reason : "",
            failure.Status.Detail,
            status?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan(),
            failure.Status.DebugException is HttpRequestException or IOException);
    }

    /// <summary>The same call may be answered later.</summary>
    public bool MayPass => Code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted
        || IsTransport
        || Reason is "OVERLOADED"
        || Reason.EndsWith("_UNAVAILABLE", StringComparison.Ordinal);

    /// <summary>The reason, or the code's name where the server gave none.</summary>
    public string Name => Reason.Length > 0 ? Reason : Code.ToString();
}
