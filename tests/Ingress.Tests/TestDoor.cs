using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Ingress.Tests.Peers;
using Mesh.ServiceHost;
using Mesh.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Mesh.Ingress.Tests;

/// <summary>A whole ingress with both of its doors, and peers with real identities behind it.</summary>
internal sealed class TestDoor : IAsyncDisposable
{
    public const string SigningKey = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly WebApplication app;
    private readonly Dictionary<string, PeerService> peers;
    private readonly TestKeys keys;
    private readonly GrpcChannel channel;

    private TestDoor(WebApplication app, Dictionary<string, PeerService> peers, TestKeys keys, Recorded recorded)
    {
        this.app = app;
        this.peers = peers;
        this.keys = keys;
        Recorded = recorded;
        Token = recorded.IssueToken("ada");

        // In the order of listening: health, HTTP, gRPC.
        var plain = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Where(address => address.StartsWith("http:", StringComparison.Ordinal)).ToArray();
        Http = new HttpClient { BaseAddress = new Uri(plain[1]) };
        channel = PlainChannel.Open(plain[2]);
        Health = new Uri(plain[0]);
    }

    public Recorded Recorded { get; }

    public string Token { get; }

    public HttpClient Http { get; }

    public Uri Health { get; }

    public CallInvoker Grpc => channel.CreateCallInvoker();

    public Metadata Bearer => new() { { "authorization", $"Bearer {Token}" } };

    public static Task<TestDoor> StartAsync(params string[] more) => StartAsync(TimeProvider.System, TestKeys.Create(), beside: null, more);

    public static Task<TestDoor> StartAsync(TimeProvider clock) => StartAsync(clock, TestKeys.Create(), beside: null);

    /// <summary>A door to a service of two replicas, one of which is the test's own.</summary>
    public static Task<TestDoor> StartAsync(TestKeys keys, string service, string replica) => StartAsync(TimeProvider.System, keys, (service, replica));

    private static async Task<TestDoor> StartAsync(TimeProvider clock, TestKeys keys, (string Service, string Replica)? beside, params string[] more)
    {
        var recorded = new Recorded();
        recorded.Webhooks[("acme", "shop")] = PlayedWebhook.StandardWebhooks("whsec_" + SigningKey);

        var peers = new Dictionary<string, PeerService>
        {
            ["policy"] = await PeerService.StartAsync("policy", keys, recorded, app =>
            {
                app.MapGrpcService<IdentityPeer>();
                app.MapGrpcService<AccessPeer>();
                app.MapGrpcService<ManifestPeer>();
            }),
            ["vault"] = await PeerService.StartAsync("vault", keys, recorded, app =>
            {
                app.MapGrpcService<LeasePeer>();
                app.MapGrpcService<ManifestPeer>();
            }),
            ["orchestrator"] = await PeerService.StartAsync("orchestrator", keys, recorded, app =>
            {
                app.MapGrpcService<IntakePeer>();
                app.MapGrpcService<TaskPeer>();
                app.MapGrpcService<BundlePeer>();
                app.MapGrpcService<ManifestPeer>();
            }),
        };

        string[] args =
        [
            "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--linger", "0s", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
            "--keys", keys.Of("ingress"), "--domain", TestKeys.Domain, "--log-level", "critical",
            "--peer-policy", AddressOf("policy"), "--peer-vault", AddressOf("vault"), "--peer-orchestrator", AddressOf("orchestrator"),
            "--peer-audit", $"127.0.0.1:{FreePorts.One()}",
            .. more,
        ];
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(clock);
        builder.AddMeshService<IngressOptions>("ingress", args);
        builder.AddIngress();
        var app = builder.Build();
        app.MapMeshService();
        app.MapAdmission();
        await app.StartAsync();
        return new TestDoor(app, peers, keys, recorded);

        string AddressOf(string service) => beside?.Service == service ? $"{beside.Value.Replica},{peers[service].Address}" : peers[service].Address;
    }

    /// <summary>A peer goes away for good.</summary>
    public ValueTask StopPeerAsync(string service) => peers[service].DisposeAsync();

    public async Task<(HttpResponseMessage Response, string Body)> SendAsync(HttpRequestMessage request, bool withToken = true)
    {
        if (withToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }

        var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public Task<(HttpResponseMessage Response, string Body)> GetAsync(string path, bool withToken = true) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), withToken);

    public Task<(HttpResponseMessage Response, string Body)> PostAsync(string path, string json, bool withToken = true) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") }, withToken);

    /// <summary>A delivery as an honest sender would make it; a test changes what it is about.</summary>
    public static HttpRequestMessage Deliver(string body, string id = "msg_1", long? at = null, string webhook = "acme/shop", string key = SigningKey)
    {
        var timestamp = (at ?? DateTimeOffset.UtcNow.ToUnixTimeSeconds()).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var request = new HttpRequestMessage(HttpMethod.Post, $"/hooks/{webhook}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("webhook-id", id);
        request.Headers.TryAddWithoutValidation("webhook-timestamp", timestamp);
        request.Headers.TryAddWithoutValidation("webhook-signature", Sign(id, timestamp, body, key));
        return request;
    }

    public static string Sign(string id, string timestamp, string body, string key = SigningKey) =>
        "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}")));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        channel.Dispose();
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();

        foreach (var peer in peers.Values)
        {
            await peer.DisposeAsync();
        }

        keys.Dispose();
    }
}
