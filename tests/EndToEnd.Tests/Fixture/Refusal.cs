using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace EndToEnd.Tests.Fixture;

/// <summary>Reads a refusal as any gRPC client can: by <c>google.rpc.Status</c>.</summary>
public static class Refusal
{
    /// <summary>The reason; the gRPC status where nobody gave one, as for a connection that was refused.</summary>
    public static string ReasonOf(RpcException refusal)
    {
        var details = refusal.Trailers.GetValueBytes("grpc-status-details-bin");
        return details is null
            ? refusal.StatusCode.ToString()
            : RpcStatus.Parser.ParseFrom(details).Details.Single(detail => detail.Is(ErrorInfo.Descriptor)).Unpack<ErrorInfo>().Reason;
    }
}
