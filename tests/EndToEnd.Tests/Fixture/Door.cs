using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EndToEnd.Tests.Fixture;

/// <summary>The JSON door of ingress, for whoever holds this token, or for a stranger.</summary>
/// <remarks>Whatever is asked through it: no answer may tell how a service is made inside.</remarks>
public sealed partial class Door(Uri address, string? token) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(70) };

    /// <summary>The token that is shown; null for a stranger.</summary>
    public string? Token => token;

    public Task<Answer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, Relative(path)));

    public Task<Answer> PostAsync(string path, object body) => PostTextAsync(path, JsonSerializer.Serialize(body));

    public Task<Answer> PostTextAsync(string path, string body, string type = "application/json") => PostBytesAsync(path, Encoding.UTF8.GetBytes(body), type);

    public Task<Answer> PostBytesAsync(string path, byte[] body, string type = "application/json")
    {
        var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("content-type", type);
        var request = new HttpRequestMessage(HttpMethod.Post, Relative(path)) { Content = content };

        // Asks first, as curl does: a door that refuses a large body closes it, and whoever is still sending may not hear why.
        request.Headers.ExpectContinue = body.Length > 512 * 1024;
        return SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            if (token is not null && !request.Headers.Contains("authorization"))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }

            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            Assert.DoesNotMatch(Insides(), text);
            Assert.DoesNotMatch(Insides(), response.Headers.ToString());
            return new Answer((int)response.StatusCode, text);
        }
    }

    public void Dispose() => http.Dispose();

    private static Uri Relative(string path) => new(path, UriKind.Relative);

    // Frames of a stack, names of exceptions, source files, and what PostgreSQL's errors begin with.
    [GeneratedRegex(@"\bat [A-Z]\w+(\.\w+)+\(|Exception\b|\.cs:line|\bSystem\.|\bNpgsql|\bMicrosoft\.|SQLSTATE|[0-9A-Z]{5}: ")]
    private static partial Regex Insides();
}
