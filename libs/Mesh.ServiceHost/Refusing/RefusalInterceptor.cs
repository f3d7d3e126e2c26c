using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Mesh.Errors.V1;

namespace Mesh.ServiceHost;

/// <summary>The outermost layer of every gRPC method: checks the caller table once more, and makes every failure an honest status.</summary>
internal sealed class RefusalInterceptor(ErrorMap map, Refused refused, ILogger<RefusalInterceptor> log) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            CheckCaller(context);
            return await continuation(request, context);
        }
        catch (Exception thrown)
        {
            throw Translate(thrown, context, request as IMessage);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            CheckCaller(context);
            await continuation(request, responses, context);
        }
        catch (Exception thrown)
        {
            throw Translate(thrown, context, request as IMessage);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            CheckCaller(context);
            return await continuation(requests, context);
        }
        catch (Exception thrown)
        {
            throw Translate(thrown, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            CheckCaller(context);
            await continuation(requests, responses, context);
        }
        catch (Exception thrown)
        {
            throw Translate(thrown, context);
        }
    }

    // The gate has asked already. A pipeline that was put together without it must not be open.
    private static void CheckCaller(ServerCallContext context)
    {
        if (context.GetHttpContext().Features.Get<CallerIdentity>() is not { } caller || !CallerTable.Allows(context.Method, caller.Name))
        {
            throw Refusals.Refused(StatusCode.PermissionDenied, Reason.CallerNotAllowed, $"This caller may not call {context.Method}.");
        }
    }

    private RpcException Translate(Exception thrown, ServerCallContext context, IMessage? request = null)
    {
        var requestId = Activity.Current?.TraceId.ToHexString() ?? context.GetHttpContext().TraceIdentifier;

        // The caller hung up or its deadline passed: nobody reads the answer, and nothing is wrong here.
        if (thrown is OperationCanceledException or IOException && context.CancellationToken.IsCancellationRequested)
        {
            var error = context.Deadline < DateTime.UtcNow
                ? new MeshError(StatusCode.DeadlineExceeded, Reason.DeadlineExceeded, "The call took longer than its deadline; whether it had an effect is not known.")
                : new MeshError(StatusCode.Cancelled, Reason.Unspecified, "The caller cancelled the call.");
            return ErrorStatus.Of(error, requestId).ToRpcException();
        }

        if (map.Find(thrown, request) is { } known)
        {
            refused.Count(known);

            if (known.Reason == Reason.StoreUnavailable)
            {
                log.StoreUnavailable(context.Method, thrown.GetType().Name);
            }

            return ErrorStatus.Of(known, requestId).ToRpcException();
        }

        log.CallFailed(thrown, context.Method, requestId);
        refused.Count(Reason.Internal);
        return ErrorStatus.Of(Unexpected(requestId), requestId).ToRpcException();
    }

    internal static MeshError Unexpected(string requestId) =>
        new(StatusCode.Internal, Reason.Internal, $"Something went wrong that should not have; the service's log has it as {requestId}.");
}
