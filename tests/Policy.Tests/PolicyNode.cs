using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Mesh.Bus.Embedded;
using Mesh.Integrity;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mesh.Policy.Tests;

/// <summary>The real service: a process of its own, its own database and keys, reached over mutual TLS as its peers reach it.</summary>
public sealed class PolicyNode : IAsyncLifetime
{
    /// <summary>What the service has told the bus: it may have left the outbox already, and is in both for a moment.</summary>
    public const string Told = "(select id, tenant_id, key, body from outbox union select id, tenant_id, key, body from bus.message where consumer = 'audit') told";

    private readonly TestKeys keys = TestKeys.Create();
    private readonly Dictionary<string, GrpcChannel> channels = [];
    private readonly List<PolicyProcess> processes = [];
    private readonly string tokenFile = Path.Combine(Path.GetTempPath(), $"mesh-bootstrap-{Guid.NewGuid():N}");
    private TestDatabase? database;

    /// <summary>The first administrator's token, as init would have written it.</summary>
    internal string AdminToken { get; } = OpaqueToken.Generate(TokenKind.Access).Reveal();

    internal NpgsqlDataSource Store { get; private set; } = null!;

    internal string Connection => database!.ConnectionFor(PolicyDbContext.Name);

    internal PolicyProcess First => processes[0];

    internal IReadOnlyList<NoteVerifier> Verifiers { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        database = await TestDatabase.CreateAsync($"policy_bus_{typeof(PolicyDbContext).Module.ModuleVersionId:N}", async admin =>
        {
            await Roles.EnsureAsync(admin, PolicyDbContext.Name, TestDatabase.PasswordOf(admin, PolicyDbContext.Name));
            await Migrator.MigrateAsync<PolicyDbContext>(admin);
            await BusStore.EnsureAsync(admin, TestDatabase.PasswordOf(admin, "bus"), [PolicyDbContext.Name]);
        });

        Store = StoreRegistration.OpenSource(Connection);
        await File.WriteAllTextAsync(tokenFile, AdminToken + "\n");
        Verifiers = new TrustStore(keys.Of("vault"), TimeProvider.System, NullLogger<TrustStore>.Instance).Verifiers(TrustUse.PolicyDecision);
        await StartReplicaAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in channels.Values)
        {
            channel.Dispose();
        }

        foreach (var process in processes)
        {
            await process.DisposeAsync();
        }

        if (database is null)
        {
            return;
        }

        await Store.DisposeAsync();
        await database.DisposeAsync();
        keys.Dispose();
        File.Delete(tokenFile);
    }

    /// <summary>One more process of the service on the same store.</summary>
    internal async Task<PolicyProcess> StartReplicaAsync()
    {
        var ports = FreePorts.Several(2);
        var process = new PolicyProcess(ports[0], ports[1], new Dictionary<string, string>
        {
            ["MESH_POSTGRES"] = Connection,
            ["MESH_KEYS"] = keys.Of(PolicyDbContext.Name),
            ["MESH_DOMAIN"] = TestKeys.Domain,
            ["MESH_BOOTSTRAP_TOKEN_FILE"] = tokenFile,
            ["MESH_LOG_LEVEL"] = "Error",
        });
        processes.Add(process);
        await process.StartAsync();
        return process;
    }

    /// <summary>A caller with the certificate of a service, and with a person's token when there is one.</summary>
    internal CallInvoker As(string service, string? token = null, PolicyProcess? replica = null)
    {
        var port = (replica ?? First).Port;

        lock (channels)
        {
            if (!channels.TryGetValue($"{service}:{port}", out var channel))
            {
                channels[$"{service}:{port}"] = channel = PlainChannel.Open(
                    $"https://127.0.0.1:{port}", PeerTls.ClientOptions(new TlsIdentity(keys.Of(service), TestKeys.Domain), PolicyDbContext.Name));
            }

            return token is null ? channel.CreateCallInvoker() : channel.CreateCallInvoker().Intercept(metadata =>
            {
                metadata.Add("authorization", $"Bearer {token}");
                return metadata;
            });
        }
    }

    internal V1.DecisionService.DecisionServiceClient Decisions(PolicyProcess? replica = null) => new(As("orchestrator", null, replica));

    internal V1.ApprovalService.ApprovalServiceClient Approvals(string token) => new(As("ingress", token));

    internal V1.AccessService.AccessServiceClient Access(string token) => new(As("ingress", token));

    internal V1.IdentityService.IdentityServiceClient Identity() => new(As("ingress"));

    internal Manifests.V1.ManifestIntakeService.ManifestIntakeServiceClient Manifests(string token) => new(As("ingress", token));

    /// <summary>Makes a principal and answers its token.</summary>
    internal async Task<string> TokenOfAsync(string principal, params (string Tenant, string Role)[] roles) =>
        await TokenOfAsync(principal, V1.Principal.Types.Kind.Person, roles);

    internal async Task<string> TokenOfAsync(string principal, V1.Principal.Types.Kind kind, params (string Tenant, string Role)[] roles)
    {
        var request = new V1.CreateTokenRequest { Principal = principal, Kind = kind };
        request.Roles.AddRange(roles.Select(r => new V1.RoleGrant { Tenant = r.Tenant, Role = r.Role }));
        return (await Access(AdminToken).CreateTokenAsync(request)).Token;
    }

    internal async Task<T> ScalarAsync<T>(string sql, params object[] values)
    {
        await using var command = Store.CreateCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return (T)(await command.ExecuteScalarAsync())!;
    }

    internal async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = Store.CreateCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync();
    }
}
