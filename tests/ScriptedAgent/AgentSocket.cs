using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ScriptedAgent;

/// <summary>The one way out: the socket that the agent inherited.</summary>
internal sealed class AgentSocket : IDisposable
{
    private readonly HttpClient http;
    private bool isTaken;

    public AgentSocket()
    {
        var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 1,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectCallback = (_, _) => isTaken
                ? throw new IOException("The socket was closed by the other side; there is no second one.")
                : Take(),
        };
        http = new HttpClient(handler) { BaseAddress = new Uri("http://mesh"), Timeout = TimeSpan.FromSeconds(90) };
    }

    public async Task<JsonArray?> PollAsync()
    {
        var (_, text) = await PostAsync("/v1/work:poll", """{"worker": "scripted", "itemsMax": 1}""");
        return JsonNode.Parse(text)!["items"] as JsonArray ?? [];
    }

    public async Task<(int Status, string Text)> PostAsync(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public Task<(int Status, string Text)> FinishAsync(JsonObject outcome) => PostAsync("/v1/work:finish", outcome.ToJsonString(JsonSerializerOptions.Web));

    public void Dispose() => http.Dispose();

    private ValueTask<Stream> Take()
    {
        isTaken = true;
        return ValueTask.FromResult<Stream>(new NetworkStream(new Socket(new SafeSocketHandle(3, ownsHandle: true)), ownsSocket: true));
    }
}
