using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Audit.V1;
using Mesh.Orchestrator.V1;
using Mesh.Policy.V1;
using Mesh.TestKit;
using Mesh.Vault.V1;

namespace EndToEnd.Tests.Fixture;

/// <summary>A real mesh with the refund sample: six services, PostgreSQL, the shop, the agent. One for each class that wants it.</summary>
/// <remarks>Its tests run one after the other, and each takes orders of its own, so that counts at the shop are its own too.</remarks>
public class RefundMesh : IAsyncLifetime
{
    public const string Acme = "acme";

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private int orders;
    private bool isDisposed;

    public RefundShop Shop { get; private set; } = null!;

    public DevMesh Node { get; private set; } = null!;

    /// <summary>The bootstrap admin's.</summary>
    public MeshApi Api { get; private set; } = null!;

    public WebhookSender Webhooks { get; private set; } = null!;

    /// <summary>The data folder of the mesh; one of its own when null.</summary>
    protected virtual string? Folder => null;

    /// <summary>Environment variables of <c>./mesh dev</c>, beside those of this process.</summary>
    protected virtual IReadOnlyDictionary<string, string> Variables { get; } = new Dictionary<string, string>();

    /// <summary>What else <c>./mesh dev</c> is told.</summary>
    protected virtual IReadOnlyList<string> Arguments => [];

    /// <summary>The tenants that the sample is applied to, and what is changed in their manifests.</summary>
    protected virtual IReadOnlyDictionary<string, Func<string, string>> Tenants { get; } =
        new Dictionary<string, Func<string, string>> { [Acme] = text => text };

    public virtual async ValueTask InitializeAsync()
    {
        Node = await DevMesh.StartAsync(Folder, Variables, Arguments);

        try
        {
            Shop = await RefundShop.StartAsync();
            await PrepareAsync();
        }
        catch
        {
            // Nothing may survive a fixture that did not come to be.
            await DisposeAsync();
            throw;
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);

        if (isDisposed || Node is null)
        {
            return;
        }

        isDisposed = true;
        Webhooks?.Dispose();
        Api?.Dispose();
        http.Dispose();
        await KeepLogsAsync();
        await Node.DisposeAsync();

        if (Shop is not null)
        {
            await Shop.DisposeAsync();
        }
    }

    /// <summary>Puts a new order into the shop: small enough that policy lets its refund pass, unless told otherwise.</summary>
    public async Task<string> OfferOrderAsync(long totalMinor = 100)
    {
        var order = string.Create(CultureInfo.InvariantCulture, $"order-{Interlocked.Increment(ref orders)}-{Guid.NewGuid():N}")[..20];
        await Shop.TellAsync("/_orders", new { id = order, customer = "Ada Lovelace", mail = "ada@example.com", total_minor = totalMinor, currency = "EUR" });
        return order;
    }

    public async Task<ShopLog> LogOfAsync(string order) => ShopLog.Of(await Shop.LogAsync(), order);

    public async Task<ShopLog> WholeLogAsync() => ShopLog.Whole(await Shop.LogAsync());

    /// <summary>Waits until the shop has a request of this kind that it has not answered; of those after <paramref name="since"/>.</summary>
    public Task ShopHoldsAsync(string method, string path, int since, int count = 1) => Eventually.Async(
        async () => (await WholeLogAsync()).After(since).Holding(method, path) >= count, TimeSpan.FromSeconds(60));

    /// <summary>Waits until the shop has performed the refund of an order, whether it has said so or not.</summary>
    public Task ShopRefundedAsync(string order) => Eventually.Async(
        async () => (await LogOfAsync(order)).Refunds.Count > 0, TimeSpan.FromSeconds(60));

    /// <summary>A person's token, with roles of a tenant and groups of it.</summary>
    public async Task<MeshApi> PersonAsync(string name, string tenant, IReadOnlyList<string> roles, params IReadOnlyList<string> groups)
    {
        var token = await Api.Access.CreateTokenAsync(new CreateTokenRequest
        {
            Principal = name,
            Kind = Principal.Types.Kind.Person,
            Roles = { roles.Select(role => new RoleGrant { Tenant = tenant, Role = role }) },
        });

        foreach (var group in groups)
        {
            await Api.Access.AddGroupMemberAsync(new AddGroupMemberRequest { Tenant = tenant, Group = group, Principal = name });
        }

        return new MeshApi(Node.ReadRun().Grpc, token.Token);
    }

    public async Task PutSecretAsync(string tenant, string name, string value)
    {
        var request = new PutSecretRequest
        {
            Tenant = tenant,
            Name = name,
            Value = ByteString.CopyFrom(value, Encoding.UTF8),
            RequestId = Guid.NewGuid().ToString("N"),
        };
        await MeshApi.InsistAsync(deadline => Api.Secrets.PutSecretAsync(request, deadline: deadline));
    }

    /// <summary>Starts a task by the API, as the bootstrap admin.</summary>
    public async Task<string> StartTaskAsync(string order, string tenant = Acme)
    {
        var request = RefundOf(order, tenant);
        return (await MeshApi.InsistAsync(deadline => Api.Tasks.StartTaskAsync(request, deadline: deadline))).Task.Id;
    }

    /// <summary>The same once: what is refused is not tried again.</summary>
    public async Task<string> TryStartTaskAsync(string order) => (await Api.Tasks.StartTaskAsync(RefundOf(order, Acme))).Task.Id;

    public async Task<AgentTask> TaskAsync(string id, string tenant = Acme)
    {
        var request = new GetTaskRequest { Tenant = tenant, TaskId = id };
        return (await MeshApi.InsistAsync(deadline => Api.Tasks.GetTaskAsync(request, deadline: deadline))).Task;
    }

    /// <summary>Waits until the task has ended, or waits for a person; throws with its journal when it does neither in time.</summary>
    public async Task<AgentTask> RestAsync(string id, string tenant = Acme, TimeSpan? within = null)
    {
        var until = DateTime.UtcNow + (within ?? TimeSpan.FromSeconds(90));
        var request = new WaitTaskRequest { Tenant = tenant, TaskId = id, Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)), UntilPerson = true };

        while (true)
        {
            var answer = await MeshApi.InsistAsync(deadline => Api.Tasks.WaitTaskAsync(request, deadline: deadline));

            if (answer.Done)
            {
                return answer.Task;
            }

            if (DateTime.UtcNow > until)
            {
                throw new TimeoutException($"The task {id} is still {answer.Task.State} ({answer.Task.Message}): {await StoryAsync(id, tenant)}");
            }
        }
    }

    /// <summary>The whole journal.</summary>
    public async Task<IReadOnlyList<TaskEvent>> EventsAsync(string id, string tenant = Acme)
    {
        var events = new List<TaskEvent>();
        var request = new ListTaskEventsRequest { Tenant = tenant, TaskId = id, PageSize = 500 };

        while (true)
        {
            var page = await MeshApi.InsistAsync(deadline => Api.Tasks.ListTaskEventsAsync(request, deadline: deadline));
            events.AddRange(page.Events);

            if (page.NextAfterSeq == 0)
            {
                return events;
            }

            request.AfterSeq = page.NextAfterSeq;
        }
    }

    public async Task<GetTaskTimelineResponse> TimelineAsync(string id, string tenant = Acme)
    {
        var request = new GetTaskTimelineRequest { Tenant = tenant, TaskId = id };
        return await MeshApi.InsistAsync(deadline => Api.Tasks.GetTaskTimelineAsync(request, deadline: deadline));
    }

    /// <summary>What the audit log has about a task.</summary>
    public async Task<IReadOnlyList<Entry>> LoggedAsync(string id, string tenant = Acme)
    {
        var request = new ListEntriesRequest { Tenant = tenant, Count = 1_000, TaskId = id };
        return (await MeshApi.InsistAsync(deadline => Api.Log.ListEntriesAsync(request, deadline: deadline))).Entries;
    }

    /// <summary>Waits until the audit log has every fact of a task's journal, each once: they came over the bus.</summary>
    public async Task AssertEveryFactIsLoggedOnceAsync(string id)
    {
        var facts = (await EventsAsync(id)).Select(entry => entry.Kind).Order().ToList();
        await Eventually.Async(async () => (await LoggedAsync(id)).Count(entry => facts.Contains(entry.Kind)) >= facts.Count, TimeSpan.FromSeconds(60));
        Assert.Equal(facts, (await LoggedAsync(id)).Select(entry => entry.Kind).Where(facts.Contains).Order());
    }

    /// <summary>The journal in one line, for messages of failed tests.</summary>
    public async Task<string> StoryAsync(string id, string tenant = Acme) => string.Join(
        "; ", (await EventsAsync(id, tenant)).Select(entry => $"{entry.Seq} e{entry.Epoch} {entry.Kind} {entry.Step} {entry.Fields}"));

    /// <summary>A service's process, or PostgreSQL's postmaster by the name <c>postgres</c>, or a broker's by <c>rabbitmq</c>.</summary>
    public int PidOf(string name) => name switch
    {
        "postgres" => Node.ReadRun().Postmaster,
        "rabbitmq" => Node.ReadRun().Broker!.Value,
        _ => Node.PidOf(name),
    };

    /// <summary>The sample agent's process once it runs.</summary>
    public async Task<int> AgentPidAsync(string tenant = Acme)
    {
        var pid = 0;
        await Eventually.Async(() => Node.ReadRun().Agents.TryGetValue($"{tenant}/refund-request", out pid) && pid > 0, TimeSpan.FromSeconds(60));
        return pid;
    }

    /// <summary>kill -9. Returns at once; whoever wants to see it back waits for <see cref="AllReadyAsync"/>.</summary>
    public void Kill(string name) => DevMesh.Signal(PidOf(name), 9);

    /// <summary>kill -9, and waits until another process bears the name: a broker is up again after seconds, or half a minute on busy cores.</summary>
    public async Task KillAndSeeReplacedAsync(string name)
    {
        var killed = PidOf(name);
        DevMesh.Signal(killed, 9);
        await Eventually.Async(() => PidOf(name) != killed, TimeSpan.FromSeconds(60));
    }

    /// <summary>What a service shows of its metrics.</summary>
    public async Task<string> MetricsOfAsync(string service) =>
        await http.GetStringAsync(new Uri(Node.Health()[service], "/metrics"));

    /// <summary>Every service says that it is ready.</summary>
    public Task AllReadyAsync() => Eventually.Async(
        async () => (await Task.WhenAll(Node.Health().Values.Select(IsReadyAsync))).All(isReady => isReady), TimeSpan.FromSeconds(60));

    /// <summary>A request to refund an order, with an id of its own.</summary>
    public static StartTaskRequest RefundOf(string order, string tenant) => new()
    {
        Tenant = tenant,
        Workflow = "refund-request",
        Input = Value.ForStruct(new Struct { Fields = { ["order_id"] = Value.ForString(order) } }),
        RequestId = Guid.NewGuid().ToString("N"),
    };

    private async Task PrepareAsync()
    {
        var run = Node.ReadRun();
        Api = new MeshApi(run.Grpc, run.Token);
        Webhooks = new WebhookSender(new Uri(run.Http));

        foreach (var (tenant, edit) in Tenants)
        {
            await RefundManifests.ApplyAsync(Api, tenant, Shop.Address.Port, edit);
            await PutSecretAsync(tenant, "crm/crm-key", RefundShop.CrmToken);
            await PutSecretAsync(tenant, "payments/payments-key", RefundShop.PaymentsToken);
            await PutSecretAsync(tenant, "mail/mail-key", RefundShop.MailToken);
            await PutSecretAsync(tenant, "webhooks/shop-signing-key", Webhooks.Secret);
        }
    }

    private async Task<bool> IsReadyAsync(Uri service)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(service, "/readyz"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception silence) when (silence is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    // For whoever looks into a failure afterwards: MESH_TEST_LOGS names a folder that keeps what the services said.
    private async Task KeepLogsAsync()
    {
        if (Environment.GetEnvironmentVariable("MESH_TEST_LOGS") is not { Length: > 0 } folder)
        {
            return;
        }

        var target = Directory.CreateDirectory(Path.Combine(folder, Path.GetFileName(Path.GetDirectoryName(Node.Data))!));

        foreach (var log in Directory.EnumerateFiles(Path.Combine(Node.Data, "logs"), "*", SearchOption.AllDirectories))
        {
            File.Copy(log, Path.Combine(target.FullName, Path.GetFileName(log)), overwrite: true);
        }

        await File.WriteAllTextAsync(Path.Combine(target.FullName, "launcher.log"), Node.Output);
    }
}
