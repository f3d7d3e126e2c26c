using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EndToEnd.Tests.Fixture;

/// <summary>The shop's own events, signed as Standard Webhooks are, sent as long as a real sender would.</summary>
public sealed class WebhookSender(Uri endpoint, byte[]? sharedKey = null) : IDisposable
{
    private readonly byte[] key = sharedKey ?? RandomNumberGenerator.GetBytes(32);
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>What the vault is told: <c>whsec_…</c>.</summary>
    public string Secret => "whsec_" + Convert.ToBase64String(key);

    /// <summary>The same sender at another door.</summary>
    public WebhookSender At(Uri door) => new(door, key);

    public static byte[] BodyOf(string order) => JsonSerializer.SerializeToUtf8Bytes(
        new { type = "order.returned", data = new { order = new { id = order } } });

    /// <summary>One attempt. The same id is the same delivery.</summary>
    public async Task<HttpResponseMessage> SendAsync(string tenant, string webhook, string id, byte[] body, DateTimeOffset? at = null)
    {
        using var request = Sign(tenant, webhook, id, body, at ?? DateTimeOffset.UtcNow);
        return await http.SendAsync(request);
    }

    /// <summary>Sends the same delivery until it is accepted and has a task; answers that.</summary>
    public async Task<string> DeliverAsync(string tenant, string order, string? id = null)
    {
        var body = BodyOf(order);
        id ??= $"msg_{Guid.NewGuid():N}";
        var until = DateTime.UtcNow.AddSeconds(60);

        for (var pause = 20; ; pause = Math.Min(pause * 2, 250))
        {
            try
            {
                using var answer = await SendAsync(tenant, "shop", id, body);
                var text = await answer.Content.ReadAsStringAsync();

                if (answer.IsSuccessStatusCode && JsonDocument.Parse(text).RootElement.TryGetProperty("task", out var task))
                {
                    return task.GetString()!;
                }

                // Accepted by the broker alone is accepted, and has no task yet.
                if (!(answer.IsSuccessStatusCode || answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests) || DateTime.UtcNow > until)
                {
                    throw new InvalidOperationException($"The delivery was answered {(int)answer.StatusCode}: {text}");
                }
            }
            catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException && DateTime.UtcNow < until)
            {
                // Not accepted, as far as the sender knows: it sends again.
            }

            await Task.Delay(pause);
        }
    }

    /// <summary>The request as the shop would send it, for tests that change it afterwards.</summary>
    public HttpRequestMessage Sign(string tenant, string webhook, string id, byte[] body, DateTimeOffset at)
    {
        var time = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes($"{id}.{time}."), .. body]));
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(endpoint, $"/hooks/{tenant}/{webhook}"))
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };

        // Asks before it sends much: a door that refuses a large body closes it.
        request.Headers.ExpectContinue = body.Length > 512 * 1024;
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", time);
        request.Headers.Add("webhook-signature", $"v1,{signature}");
        return request;
    }

    public void Dispose() => http.Dispose();
}
