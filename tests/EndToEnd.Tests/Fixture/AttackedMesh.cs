using System.Globalization;
using Mesh.Ingress.V1;
using Mesh.TestKit;
using Npgsql;

namespace EndToEnd.Tests.Fixture;

/// <summary>The refund mesh with an agent that does whatever its task says, tools that echo, two more tenants, and people.</summary>
public sealed class AttackedMesh : RefundMesh, IAsyncLifetime
{
    public const string Globex = "globex";
    public const string Bare = "bare";

    private readonly List<IDisposable> opened = [];

    /// <summary>The credential of the echoing tool: in nobody else's hands, and of characters that every encoding changes.</summary>
    public Canary Secret { get; } = new($"cnry~{Convert.ToHexStringLower(Guid.NewGuid().ToByteArray())}+/=%&");

    /// <summary>The other tenant's.</summary>
    public Canary OtherSecret { get; } = new($"othr~{Convert.ToHexStringLower(Guid.NewGuid().ToByteArray())}+/=%&");

    public Door Admin { get; private set; } = null!;

    /// <summary>Starts tasks in acme; an approver in finance too.</summary>
    public Door Olga { get; private set; } = null!;

    /// <summary>An approver in finance.</summary>
    public Door Fiona { get; private set; } = null!;

    /// <summary>An approver in no group.</summary>
    public Door Nora { get; private set; } = null!;

    /// <summary>May look.</summary>
    public Door Vera { get; private set; } = null!;

    /// <summary>Administrator of globex, and nobody in acme.</summary>
    public Door Gus { get; private set; } = null!;

    public Uri Http { get; private set; } = null!;

    public AttackManifests Manifests { get; private set; } = null!;

    public NpgsqlDataSource Store { get; private set; } = null!;

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        var run = Node.ReadRun();
        Http = new Uri(run.Http);
        Admin = Open(run.Token);
        Store = Keep(NpgsqlDataSource.Create(Node.StoreConnection()));
        Manifests = new AttackManifests(Shop.Address.Port);
        await ApplyAsync();
        Olga = await PersonWithDoorAsync("olga", "acme", ["operator", "approver"], "finance");
        Fiona = await PersonWithDoorAsync("fiona", "acme", ["approver"], "finance");
        Nora = await PersonWithDoorAsync("nora", "acme", ["approver"]);
        Vera = await PersonWithDoorAsync("vera", "acme", ["viewer"]);
        Gus = await PersonWithDoorAsync("gus", Globex, ["admin"]);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        opened.ForEach(one => one.Dispose());
        await DisposeAsync();
    }

    /// <summary>A door for a token; null for a stranger's.</summary>
    public Door Open(string? token) => Keep(new Door(Http, token));

    /// <summary>Another certificate than one's own: a caller as this service, or as a stranger with these keys.</summary>
    public PeerCaller As(string service) => Keep(PeerCaller.Of(Node, service));

    public T Keep<T>(T one)
        where T : IDisposable
    {
        opened.Add(one);
        return one;
    }

    public async Task<(string Token, string Id)> TokenAsync(string person, IReadOnlyList<(string Tenant, string Role)> roles, DateTimeOffset? expiresAt = null)
    {
        var answer = (await Admin.PostAsync("/v1/access/tokens", new
        {
            principal = person,
            kind = "KIND_PERSON",
            roles = roles.Select(role => new { tenant = role.Tenant, role = role.Role }),
            expiresAt = (expiresAt ?? DateTimeOffset.UtcNow.AddHours(1)).UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
        })).Good();
        return (answer.GetProperty("token").GetString()!, answer.GetProperty("tokenId").GetString()!);
    }

    /// <summary>Starts a script and answers the task's id.</summary>
    public static async Task<string> BeginAsync(Door who, string tenant, params IReadOnlyList<ScriptedCall> calls)
    {
        var answer = await who.PostAsync($"/v1/tenants/{tenant}/tasks", new { workflow = "probe", input = new { calls } });
        return answer.Good().GetProperty("task").GetProperty("id").GetString()!;
    }

    /// <summary>Plays a script to its end, as the administrator.</summary>
    public async Task<Played> PlayAsync(string tenant, params IReadOnlyList<ScriptedCall> calls) => await EndAsync(tenant, await BeginAsync(Admin, tenant, calls));

    /// <summary>Waits for the end of a script.</summary>
    public async Task<Played> EndAsync(string tenant, string task)
    {
        // Not until a person is needed: a decision that was made may still be on its way to the task.
        for (var left = 4; left > 0; left--)
        {
            var answer = (await Admin.GetAsync($"/v1/tenants/{tenant}/tasks/{task}:wait?timeout=25s")).Good();

            if (answer.GetProperty("done").GetBoolean() && answer.GetProperty("task") is var ended && ended.GetProperty("state").GetString() == "TASK_STATE_COMPLETED")
            {
                return new Played(task, ended.GetProperty("result"));
            }
        }

        throw new TimeoutException($"The script is not at its end: {await StoryAsync(task, tenant)}");
    }

    /// <summary>The version that new tasks of the workflow <c>probe</c> get.</summary>
    public Task<string> ProbeVersionAsync(string tenant) => VersionAsync(tenant, "probe");

    /// <summary>The version that new tasks of a workflow get.</summary>
    public async Task<string> VersionAsync(string tenant, string workflow) =>
        (await Admin.GetAsync($"/v1/tenants/{tenant}/manifests/Workflow/{workflow}")).Good().GetProperty("manifest").GetProperty("workflowVersion").GetString()!;

    /// <summary>The journal's entries of a task, read past all services: also when they are stopped.</summary>
    public async Task<long> CountAsync(string sql, params IReadOnlyList<object> values)
    {
        await using var command = Store.CreateCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    /// <summary>How often something was refused for a reason, over all services.</summary>
    public async Task<long> RefusalsAsync(string reason) => await MetricAsync("mesh_refusals_total", reason);

    /// <summary>A counter's value for a reason, summed over all services.</summary>
    public async Task<long> MetricAsync(string name, string reason) => (await MetricsAsync())
        .SelectMany(text => text.Split('\n'))
        .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains($"reason=\"{reason}\"", StringComparison.Ordinal))
        .Sum(line => (long)double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    /// <summary>What every service shows of its metrics.</summary>
    public async Task<IReadOnlyList<string>> MetricsAsync()
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var texts = new List<string>();

        foreach (var index in Enumerable.Range(0, 6))
        {
            try
            {
                texts.Add(await http.GetStringAsync(new Uri($"http://127.0.0.1:{Http.Port + 20 + index}/metrics")));
            }
            catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException)
            {
                // Stopped by the test: it counts nothing now.
            }
        }

        return texts;
    }

    /// <summary>Stops a service without ending it: its sockets stay open and nobody answers. Goes on when disposed.</summary>
    public Silenced Silence(string service) => new(PidOf(service));

    private async Task ApplyAsync()
    {
        var folder = Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!;
        var agent = AgentBundle.Pack(
            Path.Combine(Path.GetDirectoryName(folder)!, "ScriptedAgent", Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))),
            file => Path.GetExtension(file) is ".dll" or ".json");

        foreach (var tenant in (string[])[Globex, Bare])
        {
            await Api.Manifests.ApplyAsync(new ApplyRequest { Files = { new ManifestFile { Name = "tenant.yaml", Text = AttackManifests.TenantOf(tenant) } } });
        }

        foreach (var (tenant, text) in Manifests.ByTenant)
        {
            await agent.UploadAsync(Api, tenant);
            await Api.Manifests.ApplyAsync(new ApplyRequest
            {
                Files = { new ManifestFile { Name = "attack.yaml", Text = text } },
                Bundles = { [$"{tenant}/probe"] = agent.Digest },
            });
        }

        await PutSecretAsync(Acme, "mirror/mirror-key", Secret.Value);
        await PutSecretAsync(Globex, "mirror/mirror-key", OtherSecret.Value);
        await PutSecretAsync(Globex, "webhooks/shop-signing-key", "whsec_" + Convert.ToBase64String(new byte[32]));
    }

    private async Task<Door> PersonWithDoorAsync(string name, string tenant, IReadOnlyList<string> roles, params IReadOnlyList<string> groups)
    {
        var (token, _) = await TokenAsync(name, [.. roles.Select(role => (tenant, role))]);

        foreach (var group in groups)
        {
            (await Admin.PostAsync($"/v1/tenants/{tenant}/groups/{group}:add", new { principal = name })).Good();
        }

        return Open(token);
    }
}
