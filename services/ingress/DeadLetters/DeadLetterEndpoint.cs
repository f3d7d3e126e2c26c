using Grpc.Core;
using Mesh.Bus;
using Mesh.Bus.V1;
using Mesh.Ingress.Identity;
using Mesh.ServiceHost;

namespace Mesh.Ingress.DeadLetters;

/// <summary>What the bus could not deliver, asked of the services that could not handle it. Who may see it is their decision.</summary>
internal sealed class DeadLetterEndpoint(PeerChannels peers, MeshServiceOptions mesh) : DeadLetterService.DeadLetterServiceBase
{
    private const int PageSizeDefault = 50;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string[] consumers = mesh.Bus == BusTransport.Rabbitmq ? ["orchestrator", Subscriptions.Webhooks, "policy", "audit"] : ["orchestrator", "policy", "audit"];

    public override async Task<ListDeadLettersResponse> ListDeadLetters(ListDeadLettersRequest request, ServerCallContext context)
    {
        if (request.Consumer.Length > 0)
        {
            return await AskAsync(request.Consumer, context, (owner, call) => owner.ListDeadLettersAsync(request, call));
        }

        // Consumer after consumer: the token says which one it is at, and the place there.
        var (consumer, place) = request.PageToken.Split(':') switch
        {
            [""] => (consumers[0], ""),
            [var name, var after] when consumers.Contains(name) => (name, after),
            _ => throw Refusals.PageTokenInvalid(),
        };
        var left = request.PageSize == 0 ? PageSizeDefault : request.PageSize;
        var response = new ListDeadLettersResponse();

        foreach (var next in consumers.SkipWhile(each => each != consumer))
        {
            var page = await AskAsync(next, context, (owner, call) => owner.ListDeadLettersAsync(
                new ListDeadLettersRequest { Consumer = next, PageSize = left, PageToken = next == consumer ? place : "" }, call));
            response.DeadLetters.AddRange(page.DeadLetters);
            left -= page.DeadLetters.Count;

            if (page.NextPageToken.Length > 0)
            {
                response.NextPageToken = $"{next}:{page.NextPageToken}";
                break;
            }

            if (left == 0)
            {
                response.NextPageToken = next == consumers[^1] ? "" : $"{consumers[Array.IndexOf(consumers, next) + 1]}:";
                break;
            }
        }

        return response;
    }

    public override Task<GetDeadLetterResponse> GetDeadLetter(GetDeadLetterRequest request, ServerCallContext context) =>
        AskAsync(request.Consumer, context, (owner, call) => owner.GetDeadLetterAsync(request, call));

    public override Task<RetryDeadLetterResponse> RetryDeadLetter(RetryDeadLetterRequest request, ServerCallContext context) =>
        AskAsync(request.Consumer, context, (owner, call) => owner.RetryDeadLetterAsync(request, call));

    public override Task<DiscardDeadLetterResponse> DiscardDeadLetter(DiscardDeadLetterRequest request, ServerCallContext context) =>
        AskAsync(request.Consumer, context, (owner, call) => owner.DiscardDeadLetterAsync(request, call));

    // The others bear the name of their service.
    private static string OwnerOf(string consumer) => consumer == Subscriptions.Webhooks ? "orchestrator" : consumer;

    private async Task<T> AskAsync<T>(
        string consumer, ServerCallContext context, Func<DeadLetterService.DeadLetterServiceClient, CallOptions, AsyncUnaryCall<T>> ask)
    {
        if (!consumers.Contains(consumer))
        {
            throw Refusals.Invalid("consumer", $"must be one of {string.Join(", ", consumers)}");
        }

        try
        {
            return await ask(
                new DeadLetterService.DeadLetterServiceClient(peers.Invoker(OwnerOf(consumer))),
                new CallOptions(OnBehalf.Of(context), DateTime.UtcNow + Patience, context.CancellationToken));
        }
        catch (RpcException failure) when (!context.CancellationToken.IsCancellationRequested && RpcFailure.Read(failure).IsSilence)
        {
            throw Answers.Unavailable(OwnerOf(consumer)).AsException();
        }
    }
}
