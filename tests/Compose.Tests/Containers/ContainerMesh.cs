using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.TestKit;

namespace Compose.Tests.Containers;

/// <summary>A mesh of containers with the refund sample, in a project of its own. Dispose it: nothing stays.</summary>
public sealed class ContainerMesh : IAsyncDisposable
{
    // Half a dozen containers start at once, on a machine that may have two processors and other work.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, string> environment;
    private readonly string[] files;
    private readonly HttpClient http;
    private string signingKey = "";

    private ContainerMesh(string[] files, IReadOnlyDictionary<string, string> settings)
    {
        var ports = FreePorts.Several(2);
        this.files = files;
        environment = new(Images.Environment)
        {
            ["COMPOSE_PROJECT_NAME"] = Project,
            ["COMPOSE_FILE"] = string.Join(':', files),
            ["MESH_HTTP_PORT"] = $"{ports[0]}",
            ["MESH_GRPC_PORT"] = $"{ports[1]}",
        };

        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{ports[0]}"), Timeout = TimeSpan.FromSeconds(20) };
    }

    public string Project { get; } = $"mesh-test-{Guid.NewGuid():N}"[..18];

    public IReadOnlyDictionary<string, string> Environment => environment;

    /// <summary>The published port.</summary>
    public HttpClient Door => http;

    /// <param name="more">Files after the mesh's and the sample's.</param>
    /// <param name="settings">Variables of the files.</param>
    /// <param name="meanwhile">Called when the networks are there, while what waits for servers waits.</param>
    public static async Task<ContainerMesh> StartAsync(
        string[]? more = null, IReadOnlyDictionary<string, string>? settings = null, Func<ContainerMesh, Task>? meanwhile = null)
    {
        var mesh = new ContainerMesh(["compose/compose.yaml", "compose/compose.sample.yaml", .. more ?? []], settings ?? new Dictionary<string, string>());

        try
        {
            var starting = mesh.UpAsync();

            if (meanwhile is not null)
            {
                await mesh.NetworksAsync("store", "bus");
                await meanwhile(mesh);
            }

            await starting;
            await mesh.AppliedAsync();
            return mesh;
        }
        catch (Exception failed)
        {
            var said = await mesh.TryComposeAsync("logs", "--no-color", "--tail", "25");
            await mesh.DisposeAsync();
            throw new InvalidOperationException($"The mesh did not start: {failed.Message}\n{said.Output}", failed);
        }
    }

    public Task<string> UpAsync(params string[] how) => ComposeAsync(["up", "-d", .. how, "--no-build"]);

    public Task<string> ComposeAsync(params string[] command) => ContainerEngine.RunAsync([.. Engine.Compose, .. command], environment);

    public Task<(int ExitCode, string Output, string Errors)> TryComposeAsync(params string[] command) => ContainerEngine.TryAsync([.. Engine.Compose, .. command], environment);

    /// <summary>Runs the command line in the mesh.</summary>
    public Task<string> CliAsync(params string[] command) => ComposeAsync(["run", "--rm", "--no-deps", "-T", "cli", .. command]);

    private Task NetworksAsync(params string[] names) => Eventually.Async(
        async () => (await Task.WhenAll(names.Select(name => ContainerEngine.TryAsync(["docker", "network", "inspect", $"{Project}_{name}"])))).All(shown => shown.ExitCode == 0),
        Patience,
        "the networks are there");

    /// <summary>The containers of a service.</summary>
    public async Task<string[]> ContainersAsync(string service) => Lines(await ContainerEngine.RunAsync(
        ["docker", "ps", "-aq", "--no-trunc", "--filter", $"label=com.docker.compose.project={Project}", "--filter", $"label=com.docker.compose.service={service}", "--filter", "label=com.docker.compose.oneoff=False"]));

    public async Task HealthyAsync(string service) => await Eventually.Async(
        async () =>
        {
            var states = await Task.WhenAll((await ContainersAsync(service)).Select(one => ContainerEngine.InspectAsync(one, "{{.State.Health.Status}}")));
            return states.Length > 0 && states.All(state => state.Trim() == "healthy");
        },
        Patience,
        $"{service} is healthy");

    /// <summary>Sends one signed webhook, once.</summary>
    public async Task<HttpResponseMessage> SendAsync(string order, string id)
    {
        var body = new JsonObject { ["type"] = "refund.requested", ["data"] = new JsonObject { ["order"] = new JsonObject { ["id"] = order } } }.ToJsonString();
        var time = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var signature = HMACSHA256.HashData(Convert.FromBase64String(signingKey["whsec_".Length..]), Encoding.UTF8.GetBytes($"{id}.{time}.{body}"));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/hooks/acme/shop") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", $"{time}");
        request.Headers.Add("webhook-signature", $"v1,{Convert.ToBase64String(signature)}");
        return await http.SendAsync(request);
    }

    /// <summary>Sends a signed webhook until it is accepted, as a shop does; answers the task that it started.</summary>
    public async Task<string> DeliverAsync(string order) => await AcceptedAsync(order) is { Length: > 0 } task ? task : throw new InvalidOperationException("No orchestrator answered.");

    /// <summary>The same; empty when it waits on the broker, because no orchestrator answered.</summary>
    public async Task<string> AcceptedAsync(string order)
    {
        var id = $"msg_{Guid.NewGuid():N}";
        return await Eventually.ValueAsync(
            async () =>
            {
                try
                {
                    using var answer = await SendAsync(order, id);
                    return answer.IsSuccessStatusCode ? JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["task"]?.GetValue<string>() ?? "" : null;
                }
                catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException)
                {
                    return null;
                }
            },
            Patience,
            $"the webhook for {order} is accepted");
    }

    /// <summary>Waits until a task has ended; answers its state.</summary>
    public async Task<string> EndOfAsync(string task) => await Eventually.ValueAsync(
        async () =>
        {
            try
            {
                using var answer = await http.GetAsync($"/v1/tenants/acme/tasks/{task}");
                var state = answer.IsSuccessStatusCode ? JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["task"]!["state"]!.GetValue<string>() : "";
                return state is "TASK_STATE_COMPLETED" or "TASK_STATE_FAILED" or "TASK_STATE_DENIED" or "TASK_STATE_CANCELLED" ? state : null;
            }
            catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException)
            {
                return null;
            }
        },
        Patience,
        $"task {task} has ended");

    /// <summary>What the shop did: the idempotency keys of its refunds, or of its mails.</summary>
    public async Task<string[]> BookAsync(string kind) =>
    [
        .. from line in Lines(await ComposeAsync("exec", "-T", "shop", "cat", "/sample/book/book.jsonl"))
           let entry = JsonNode.Parse(line)!
           where entry["kind"]!.GetValue<string>() == kind
           select entry["idempotency_key"]!.GetValue<string>(),
    ];

    /// <summary>Has the log verified, until it has the outcome of every intent.</summary>
    public async Task<string> VerifiedAsync()
    {
        var report = "";
        await Eventually.Async(
            async () =>
            {
                report = await CliAsync("audit", "verify", "--tenant", "acme", "--trust", "/mesh/operator/trust.json");
                return !report.Contains("without an outcome", StringComparison.Ordinal);
            },
            Patience,
            "every intent has its outcome");
        return report;
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await TryComposeAsync("down", "-v", "--remove-orphans", "--timeout", "1");
    }

    /// <summary>Waits until the sample is applied, and reads what whoever stands outside would be told.</summary>
    private async Task AppliedAsync()
    {
        await Eventually.Async(
            async () => (await ContainersAsync("sample")) is [var one] && (await ContainerEngine.InspectAsync(one, "{{.State.Status}} {{.State.ExitCode}}")) == "exited 0",
            Patience,
            "the sample is applied");
        signingKey = (await ComposeAsync("exec", "-T", "shop", "cat", "/sample/secrets/shop-signing-key")).Trim();
        var token = (await ComposeAsync("exec", "-T", "policy", "cat", "/mesh/keys/self/bootstrap.token")).Trim();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
