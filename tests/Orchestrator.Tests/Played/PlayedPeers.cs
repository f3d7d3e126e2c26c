using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Audit.V1;
using Mesh.Policy.V1;
using Mesh.Toolrunner.V1;
using Mesh.Vault.V1;
using Status = Grpc.Core.Status;

namespace Mesh.Orchestrator.Tests.Played;

/// <summary>The services around the orchestrator, played: all goes well unless a test says otherwise.</summary>
public sealed class PlayedPeers : CallInvoker
{
    private readonly ConcurrentDictionary<System.Type, Func<object, CancellationToken, Task<object>>> answers = new();

    public PlayedPeers()
    {
        On<AdmitRequest>(_ => new AdmitResponse { Permitted = true });
        On<DecideRequest>(_ => Permitted());
        On<AppendIntentRequest>(_ => new AppendIntentResponse { Origin = "log", Index = 7 });
        On<IssueLeaseRequest>(_ => new IssueLeaseResponse { Lease = "mlt_x", LeaseId = "l", IssuedAt = Timestamp.FromDateTime(DateTime.UtcNow) });
        On<FenceRequest>(_ => new FenceResponse());
        On<RunCallRequest>(_ => new RunCallResponse { Report = Succeeded("{}") });
        On<AskCallRequest>(_ => new AskCallResponse());
    }

    /// <summary>When what was redeemed was issued and redeemed.</summary>
    public static Timestamp RedeemedOn { get; } = Timestamp.FromDateTime(new DateTime(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc));

    /// <summary>Everything that was asked, in order.</summary>
    public ConcurrentQueue<object> Asked { get; } = new();

    public static DecideResponse Permitted() =>
        new() { Permitted = new Permitted { Decision = ByteString.CopyFromUtf8("note"), DecisionId = "d" } };

    public static CallReport Succeeded(string value) => new()
    {
        Outcome = CallReport.Types.Outcome.Succeeded,
        HttpStatus = 200,
        Value = ByteString.CopyFromUtf8(value),
    };

    /// <summary>The target refused the connection.</summary>
    public static CallReport Refused() => new() { Outcome = CallReport.Types.Outcome.NotSent, Reason = "SERVICE_UNAVAILABLE", Message = "refused" };

    /// <summary>Sent, and no answer came.</summary>
    public static CallReport Unclear() => new() { Outcome = CallReport.Types.Outcome.Unknown, Message = "reset" };

    /// <summary>A dispatch was redeemed by the runner at this address.</summary>
    public static FenceResponse RedeemedAt(params IEnumerable<string> addresses) => new()
    {
        Redemptions = { addresses.Select(address => new Redemption
        {
            RunnerInstance = "runner-1",
            RunnerAddress = address,
            RedeemedAt = RedeemedOn,
            LeaseId = "l",
            IssuedAt = RedeemedOn,
            AuditOrigin = "log",
            AuditIndex = 7,
        }) },
    };

    public static RpcException Away() => new(new Status(StatusCode.Unavailable, "away"));

    public void On<TRequest>(Func<TRequest, object> answer) => answers[typeof(TRequest)] = (request, _) => Task.FromResult(answer((TRequest)request));

    public void On<TRequest>(Func<TRequest, Task<object>> answer) => answers[typeof(TRequest)] = (request, _) => answer((TRequest)request);

    public IReadOnlyList<TRequest> AskedFor<TRequest>() => [.. Asked.OfType<TRequest>()];

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        Asked.Enqueue(request);
        return new AsyncUnaryCall<TResponse>(
            AnswerAsync(), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });

        async Task<TResponse> AnswerAsync()
        {
            try
            {
                return (TResponse)await answers[typeof(TRequest)](request, options.CancellationToken).WaitAsync(options.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                throw new RpcException(new Status(StatusCode.Cancelled, "hung up"));
            }
        }
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
}
