using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Mesh.Sdk.Tests.Peer;

/// <summary>What the peer says.</summary>
internal static class Answers
{
    public static Agent.V1.CallToolResponse Result(Value value) =>
        new() { Result = new Agent.V1.ToolResult { Value = value, HttpStatus = 200 } };

    public static Agent.V1.CallToolResponse Denied(string reason, string rule) =>
        new() { Denied = new Agent.V1.CallDenied { Reason = reason, Rule = rule, Message = $"{rule} forbids it." } };

    public static Agent.V1.CallToolResponse Waiting(string on) => new() { Waiting = new Agent.V1.CallWaiting { WaitsOn = on } };

    public static Agent.V1.CallToolResponse Failed(int status, Value value) => new()
    {
        Failed = new Agent.V1.CallFailed { Reason = "TOOL_FAILED", Message = "The target said no.", HttpStatus = status, Value = value },
    };

    public static RpcException Refusal(StatusCode code, string reason, string message, TimeSpan? retryAfter = null)
    {
        var status = new Google.Rpc.Status
        {
            Code = (int)code,
            Message = message,
            Details = { Any.Pack(new ErrorInfo { Domain = "mesh", Reason = reason }) },
        };

        if (retryAfter is { } pause)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = pause.ToDuration() }));
        }

        return status.ToRpcException();
    }
}
