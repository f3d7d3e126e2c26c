using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Mesh.Cli.Connection;

/// <summary>Gives a question a deadline when it has none: a mesh that is silent must not hold a terminal for ever. Streams are as long as they are.</summary>
internal sealed class PatienceInterceptor : Interceptor
{
    // Longer than any long poll of the API.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, context.Options.Deadline is not null
            ? context
            : new(context.Method, context.Host, context.Options.WithDeadline(DateTime.UtcNow + Patience)));
}
