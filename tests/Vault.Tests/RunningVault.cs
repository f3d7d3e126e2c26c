using System.Diagnostics;
using System.Text;
using Grpc.Core;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Mesh.Vault.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Vault.Tests;

/// <summary>The vault as a process of its own, with a policy that knows a few tokens beside it, and callers with every certificate.</summary>
internal sealed class RunningVault : IAsyncDisposable
{
    private readonly TestKeys keys;
    private readonly TestDatabase database;
    private readonly WebApplication policy;
    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly string listen;
    private readonly string health;
    private readonly Dictionary<string, WebApplication> callers = [];

    private RunningVault(TestKeys keys, TestDatabase database, WebApplication policy, string keysOfVault)
    {
        (this.keys, this.database, this.policy) = (keys, database, policy);
        var ports = FreePorts.Several(2);
        (listen, health) = ($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}");
        Notary = new Notary(keys);
        process = Spawn(
            "--listen", listen, "--health", health, "--linger", "0s", "--keys", keysOfVault, "--domain", TestKeys.Domain, "--stop-on-stdin-eof", "true",
            "--postgres", database.ConnectionFor("vault"), "--peer-policy", AddressOf(policy));
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Notary Notary { get; }

    public string Output
    {
        get
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    public V1.LeaseService.LeaseServiceClient LeasesAs(string service) => ClientOf<V1.LeaseService.LeaseServiceClient>(service);

    public V1.SecretService.SecretServiceClient SecretsAs(string service) => ClientOf<V1.SecretService.SecretServiceClient>(service);

    public Manifests.V1.ManifestIntakeService.ManifestIntakeServiceClient ManifestsAs(string service) =>
        ClientOf<Manifests.V1.ManifestIntakeService.ManifestIntakeServiceClient>(service);

    public static async Task<RunningVault> StartAsync(bool withWrongRootKey = false)
    {
        var keys = TestKeys.Create();
        var database = await TestDatabase.CreateAsync<VaultDbContext>("vault");
        var policy = await StartPolicyAsync(keys);
        var vault = new RunningVault(keys, database, policy, keys.Of("vault"));
        await Eventually.Async(async () => (await vault.ReadinessAsync()).IsReady);

        if (!withWrongRootKey)
        {
            return vault;
        }

        // The same store, started again with the key of another installation.
        await vault.StopAsync();
        using var others = TestKeys.Create();
        File.Delete(Path.Combine(keys.Of("vault"), "root.key"));
        File.Copy(Path.Combine(others.Of("vault"), "root.key"), Path.Combine(keys.Of("vault"), "root.key"));
        var sealedVault = new RunningVault(keys, database, policy, keys.Of("vault"));
        await Eventually.Async(async () => (await sealedVault.ReadinessAsync()).Report.Contains("root key", StringComparison.Ordinal));
        return sealedVault;
    }

    /// <summary>Starts the vault without a root key, and answers how that ends.</summary>
    public static async Task<(int ExitCode, string Error)> StartWithoutRootKeyAsync()
    {
        using var keys = TestKeys.Create();
        File.Delete(Path.Combine(keys.Of("vault"), "root.key"));
        using var process = Spawn(
            "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--linger", "0s", "--keys", keys.Of("vault"), "--domain", TestKeys.Domain,
            "--postgres", "Host=127.0.0.1", "--peer-policy", "127.0.0.1:1");
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }

    public async Task<(bool IsReady, string Report)> ReadinessAsync()
    {
        using var http = new HttpClient();

        try
        {
            using var answer = await http.GetAsync(new Uri($"http://{health}/readyz"));
            return (answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (HttpRequestException)
        {
            return process.HasExited ? throw new InvalidOperationException(Output) : (false, "");
        }
    }

    public async Task<string> MetricsAsync()
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri($"http://{health}/metrics"));
    }

    public async Task StopPolicyAsync() => await policy.StopAsync();

    /// <summary>The metadata of a call that ingress makes for whoever has this token.</summary>
    public static Metadata Bearing(string token) => new() { { "authorization", $"Bearer {token}" } };

    public async Task SetUpAsync(string tenant, string secret)
    {
        await ManifestsAs("ingress").ApplyManifestsAsync(RequestOf(SampleManifests.Of(tenant)), Bearing("root"));
        await SecretsAs("ingress").PutSecretAsync(
            new V1.PutSecretRequest { Tenant = tenant, Name = "payments/payments-key", Value = Google.Protobuf.ByteString.CopyFromUtf8(secret) }, Bearing("root"));
    }

    public static Manifests.V1.ApplyManifestsRequest RequestOf(IEnumerable<Manifests.ManifestDocument> documents, bool validateOnly = false) => new()
    {
        ValidateOnly = validateOnly,
        Documents =
        {
            documents.Select(document => new Manifests.V1.ManifestDocument
            {
                Kind = document.Kind.ToString(),
                Tenant = document.Kind == Manifests.ManifestKind.Tenant ? "" : document.Tenant,
                Name = document.Name,
                Canonical = Google.Protobuf.ByteString.CopyFrom(document.Canonical.Span),
                Source = $"sample.yaml:{document.Line}",
            }),
        },
    };

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await policy.DisposeAsync();
        await database.DisposeAsync();
        keys.Dispose();
    }

    private async Task StopAsync()
    {
        foreach (var caller in callers.Values)
        {
            await caller.DisposeAsync();
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static Process Spawn(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Mesh.Vault.dll"), .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    private static async Task<WebApplication> StartPolicyAsync(TestKeys keys)
    {
        var app = Compose("policy", keys, _ => { });
        app.MapMeshService();
        app.MapGrpcService<KnownTokens>();
        await app.StartAsync();
        return app;
    }

    private static WebApplication Compose(string service, TestKeys keys, Action<WebApplicationBuilder> add, params string[] more)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.AddMeshService(service, ["--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--linger", "0s", "--keys", keys.Of(service), "--domain", TestKeys.Domain, "--log-level", "error", .. more]);
        add(builder);
        return builder.Build();
    }

    private static string AddressOf(WebApplication app) => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
        .Select(address => new Uri(address))
        .First(address => address.Scheme == "https").Authority;

    private TClient ClientOf<TClient>(string service)
        where TClient : ClientBase<TClient>
    {
        var name = $"{service}/{typeof(TClient)}";

        if (!callers.TryGetValue(name, out var caller))
        {
            callers[name] = caller = Compose(service, keys, builder => builder.AddPeer<TClient>("vault"), "--peer-vault", listen);
        }

        return caller.Services.GetRequiredService<TClient>();
    }

    private void Keep(string? line)
    {
        lock (output)
        {
            output.AppendLine(line);
        }
    }

    /// <summary>Policy's answers about tokens, for three people; the rest of policy is not needed here.</summary>
    private sealed class KnownTokens : Policy.V1.IdentityService.IdentityServiceBase
    {
        public override Task<Policy.V1.AuthenticateResponse> Authenticate(Policy.V1.AuthenticateRequest request, ServerCallContext context)
        {
            var role = request.Token switch { "root" => ("*", "admin"), "keeper" => ("acme", "vault-admin"), "operator" => ("acme", "operator"), _ => default };
            return Task.FromResult(role == default ? new() : new Policy.V1.AuthenticateResponse
            {
                Principal = new Policy.V1.Principal
                {
                    Id = request.Token,
                    Kind = Policy.V1.Principal.Types.Kind.Person,
                    Roles = { new Policy.V1.RoleGrant { Tenant = role.Item1, Role = role.Item2 } },
                },
            });
        }
    }
}
