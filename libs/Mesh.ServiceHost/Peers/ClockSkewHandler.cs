using System.Globalization;

namespace Mesh.ServiceHost;

/// <summary>Reads the time that a peer states in its answers.</summary>
internal sealed class ClockSkewHandler(string peer, ClockSkew skew, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var sent = skew.Now;
        var response = await base.SendAsync(request, cancellationToken);

        if (response.Headers.TryGetValues(ClockSkew.Header, out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var stated))
        {
            skew.Observe(peer, request.RequestUri!.Authority, sent, skew.Now, DateTimeOffset.FromUnixTimeMilliseconds(stated));
        }

        return response;
    }
}
