using System.Security.Authentication;

namespace Mesh.ServiceHost;

/// <summary>Sends each request to the next replica of a peer, and to the one after it when that one cannot be reached.</summary>
/// <param name="peer">Whose replicas.</param>
/// <param name="replicas">Where they are.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">Is told of a replica that cannot be reached.</param>
/// <param name="inner">The transport to all of them.</param>
public sealed class ReplicaHandler(string peer, PeerReplicas replicas, TimeProvider clock, ILogger log, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>Marks a request whose content is sent while it arrives. A replica that has had some of it is the only one that can have it.</summary>
    public static readonly HttpRequestOptionsKey<bool> IsStreamed = new("mesh-is-streamed");

    // Replicas that are replaced one after the other can all be missed by one call, each at its own moment. None is given up for that.
    private const int Rounds = 3;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.PathAndQuery;

        // A replica that stops may have had all of it and looked at none. The contents of forwarders and of gRPC's retries can be read once.
        if (request.Content is { } content && !request.Options.TryGetValue(IsStreamed, out _))
        {
            await content.LoadIntoBufferAsync(cancellationToken);
        }

        for (var round = 1; ; round++)
        {
            Exception? failure = null;

            foreach (var replica in await replicas.InTurnAsync(cancellationToken))
            {
                request.RequestUri = new Uri(replica, path);

                try
                {
                    return Heard(replica, await base.SendAsync(request, cancellationToken));
                }
                catch (Exception thrown) when (!cancellationToken.IsCancellationRequested && PeerReplicas.WasNotReached(thrown))
                {
                    if (replicas.Shun(replica))
                    {
                        // One that starts or stops is seen every day. One whose certificate is not the peer's is in nobody's plan.
                        var cause = thrown.GetBaseException();
                        log.ReplicaNotReached(cause is AuthenticationException ? LogLevel.Warning : LogLevel.Information, peer, replica.Authority, cause.Message);
                    }

                    failure = thrown;
                }
            }

            if (round == Rounds || !replicas.CanBeMany)
            {
                // Never the transport's own "cancelled": nobody cancelled it.
                throw failure as HttpRequestException
                    ?? new HttpRequestException(HttpRequestError.ConnectionError, failure is null ? $"The name of {peer} has no address." : $"{peer} took no connection in time.", failure);
            }

            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    private HttpResponseMessage Heard(Uri replica, HttpResponseMessage response)
    {
        if (response.Headers.Remove(Linger.Header))
        {
            replicas.Shun(replica);
        }
        else
        {
            replicas.Welcome(replica);
        }

        return response;
    }
}
