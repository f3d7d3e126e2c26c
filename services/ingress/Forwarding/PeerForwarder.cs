using System.Diagnostics;
using System.Net;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Bounds;
using Mesh.ServiceHost;
using Yarp.ReverseProxy.Forwarder;

namespace Mesh.Ingress.Forwarding;

/// <summary>Passes an admitted request to its owner and the answer back, byte for byte.</summary>
internal sealed class PeerForwarder(IHttpForwarder forwarder, PeerPools pools, ILogger<PeerForwarder> log)
{
    // Longer than any long poll of the API. A stream may be silent for as long as its task waits for somebody.
    private static readonly ForwarderRequestConfig Call = Config(TimeSpan.FromSeconds(100));
    private static readonly ForwarderRequestConfig Stream = Config(TimeSpan.FromHours(1));

    /// <summary>Null when it was answered, else why not.</summary>
    public async Task<MeshError?> ForwardAsync(HttpContext context, Destination.Method method)
    {
        // The owner's name is put in place of an address by its pool, which knows the replicas.
        var failure = await forwarder.SendAsync(
            context, $"https://{method.Owner}/", pools.Of(method.Owner), method.TakesStream || method.GivesStream ? Stream : Call, PeerTransformer.Instance);

        if (context.Response.HasStarted)
        {
            return null;
        }

        if (context.Features.Get<PeerTransformer.UnexplainedAnswer>() is { } unexplained)
        {
            context.Response.Clear();
            return new MeshError(StatusCode.InvalidArgument, Reason.InvalidArgument, unexplained.Message);
        }

        if (context.Features.Get<PeerTransformer.EmptyAnswer>() is { } empty)
        {
            log.EmptyAnswer(method.Owner, method.Name, empty.Status);
            return Answers.Defect(Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier);
        }

        if (failure == ForwarderError.None)
        {
            return null;
        }

        var cause = context.GetForwarderErrorFeature()?.Exception;
        context.Response.Clear();

        if (cause is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError })
        {
            log.ForwardingFailed(method.Owner, method.Name, failure.ToString(), cause?.GetType().Name ?? "");
        }

        return Refusal(failure, cause, method);
    }

    private static MeshError Refusal(ForwarderError failure, Exception? cause, Destination.Method method) => failure switch
    {
        ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled when IsTooLarge(cause) =>
            Answers.TooLarge(BodyLimits.Of(method)),
        ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled => Answers.Broken(),
        ForwarderError.RequestTimedOut => new MeshError(
            StatusCode.DeadlineExceeded, Reason.DeadlineExceeded, "The call took longer than its deadline; whether it had an effect is not known."),
        _ => Answers.Unavailable(method.Owner),
    };

    private static bool IsTooLarge(Exception? cause) => cause switch
    {
        null => false,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => true,
        AggregateException several => several.InnerExceptions.Any(IsTooLarge),
        _ => IsTooLarge(cause.InnerException),
    };

    private static ForwarderRequestConfig Config(TimeSpan silence) => new()
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = silence,
    };
}
