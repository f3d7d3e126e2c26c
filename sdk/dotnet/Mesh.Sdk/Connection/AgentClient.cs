using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Mesh.Connection;

/// <summary>Asks Mesh, and asks again with the same fields while nobody answers: every call of the protocol may be repeated.</summary>
internal sealed class AgentClient : IDisposable
{
    public static readonly TimeSpan PollWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan PollDeadline = PollWait + TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ShortDeadline = TimeSpan.FromSeconds(10);

    // The longest timeout that a tool can have is five minutes; the answer may take ten seconds more.
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(5 * 60 + 20);

    private readonly GrpcChannel channel;
    private readonly Agent.V1.AgentService.AgentServiceClient service;
    private readonly TimeProvider clock;
    private readonly ILogger<AgentClient> log;

    public AgentClient(AgentSocket socket, TimeProvider clock, ILogger<AgentClient> log)
    {
        this.clock = clock;
        this.log = log;

        // The name is never looked up: the connection exists already.
        channel = GrpcChannel.ForAddress("http://mesh", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = (_, _) => socket.ConnectAsync(),
                UseProxy = false,
                MaxConnectionsPerServer = 1,
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
                PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
        });
        service = new Agent.V1.AgentService.AgentServiceClient(channel);
    }

    /// <summary>Waits for work. One poll at a time: a repeat says what is held, so that what was lost with an answer is offered again at once.</summary>
    public Task<Agent.V1.PollWorkResponse> PollAsync(string worker, int itemsMax, Func<IEnumerable<string>> held, CancellationToken stop) => RepeatAsync(
        nameof(service.PollWork),
        PollDeadline,
        new Agent.V1.PollWorkRequest { Worker = worker, ItemsMax = itemsMax, Wait = PollWait.ToDuration() },
        service.PollWorkAsync,
        stop,
        again: request => request.Held = new Agent.V1.HeldClaims { Claims = { held() } });

    /// <summary>Asks once: the next extension is due before a repeat would be of use.</summary>
    public async Task<Agent.V1.ExtendClaimResponse> ExtendAsync(IEnumerable<string> claims, TimeSpan deadline, CancellationToken stop) =>
        await service.ExtendClaimAsync(new Agent.V1.ExtendClaimRequest { Claims = { claims } }, Options(deadline, stop));

    public Task<Agent.V1.RecordStepResponse> RecordAsync(Agent.V1.RecordStepRequest request, string traceparent, CancellationToken stop) =>
        RepeatAsync(nameof(service.RecordStep), ShortDeadline, request, service.RecordStepAsync, stop, traceparent);

    public Task<Agent.V1.CallToolResponse> CallAsync(Agent.V1.CallToolRequest request, string traceparent, CancellationToken stop) =>
        RepeatAsync(nameof(service.CallTool), CallDeadline, request, service.CallToolAsync, stop, traceparent);

    public Task<Agent.V1.FinishWorkResponse> FinishAsync(Agent.V1.FinishWorkRequest request, string traceparent, CancellationToken stop) =>
        RepeatAsync(nameof(service.FinishWork), ShortDeadline, request, service.FinishWorkAsync, stop, traceparent);

    public void Dispose() => channel.Dispose();

    private async Task<TResponse> RepeatAsync<TRequest, TResponse>(
        string method,
        TimeSpan deadline,
        TRequest request,
        Func<TRequest, CallOptions, AsyncUnaryCall<TResponse>> call,
        CancellationToken stop,
        string traceparent = "",
        Action<TRequest>? again = null)
    {
        for (var repeat = 0; ; repeat++)
        {
            stop.ThrowIfCancellationRequested();

            try
            {
                return await call(request, Options(deadline, stop, traceparent));
            }
            catch (RpcException) when (stop.IsCancellationRequested)
            {
                throw new OperationCanceledException(stop);
            }
            catch (RpcException failure)
            {
                var refusal = Refusal.Read(failure);

                if (!refusal.MayPass)
                {
                    throw new RefusedException(refusal);
                }

                var pause = RepeatPauses.Before(repeat, refusal.RetryAfter);
                log.Repeated(method, refusal.Code, refusal.Reason, pause);
                await Task.Delay(pause, clock, stop);
                again?.Invoke(request);
            }
        }
    }

    // A program that traces itself sends the span that it is in. One that does not hands its task's trace on.
    private CallOptions Options(TimeSpan deadline, CancellationToken stop, string traceparent = "") => new(
        headers: traceparent.Length > 0 && Activity.Current is null ? new Metadata { { "traceparent", traceparent } } : null,
        deadline: clock.GetUtcNow().UtcDateTime + deadline,
        cancellationToken: stop);
}
