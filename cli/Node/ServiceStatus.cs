using System.Text.Json.Nodes;

namespace Mesh.Cli.Node;

/// <summary>How one service is: ready, or what it says is wrong, or silent.</summary>
/// <param name="Name">The service.</param>
/// <param name="Pid">Its process; 0 when it has none.</param>
/// <param name="State"><c>ready</c>, <c>not ready</c> or <c>silent</c>.</param>
/// <param name="Troubles">What its checks say, one line each.</param>
internal sealed record ServiceStatus(string Name, int Pid, string State, IReadOnlyList<string> Troubles)
{
    public bool IsReady => State == "ready";

    public static async Task<ServiceStatus> AskAsync(HttpClient http, string name, int pid, Uri readiness, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(readiness, stop);
            var report = JsonNode.Parse(await answer.Content.ReadAsStringAsync(stop));
            var troubles = report?["checks"]?.AsObject()
                .Where(check => check.Value?["error"] is not null)
                .Select(check => $"{check.Key}: {check.Value!["error"]}")
                .ToList();
            return new ServiceStatus(name, pid, answer.IsSuccessStatusCode ? "ready" : "not ready", troubles ?? []);
        }
        catch (Exception error) when (error is HttpRequestException or System.Text.Json.JsonException
            || (error is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return new ServiceStatus(name, pid, "silent", [error.Message]);
        }
    }

    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["pid"] = Pid,
        ["state"] = State,
        ["troubles"] = new JsonArray([.. Troubles.Select(trouble => (JsonNode)trouble)]),
    };
}
