using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mesh.Cli.Demo;

/// <summary>Sends events as a shop would: signed by the scheme of standard-webhooks.</summary>
internal sealed class SignedWebhook(HttpClient http, Uri hook) : IDisposable
{
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);

    /// <summary>What is stored as the webhook's secret.</summary>
    public string Secret => $"whsec_{Convert.ToBase64String(key)}";

    public async Task<HttpResponseMessage> SendAsync(string id, string body, CancellationToken stop)
    {
        var time = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{time}.{body}"));
        using var request = new HttpRequestMessage(HttpMethod.Post, hook) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", time);
        request.Headers.Add("webhook-signature", $"v1,{Convert.ToBase64String(signature)}");
        return await http.SendAsync(request, stop);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(key);
}
