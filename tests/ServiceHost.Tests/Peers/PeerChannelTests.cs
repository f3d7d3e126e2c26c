using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Mesh.TestKit;
using Microsoft.Extensions.DependencyInjection;
using IdentityClient = Mesh.Policy.V1.IdentityService.IdentityServiceClient;

namespace Mesh.ServiceHost.Tests.Peers;

public sealed class PeerChannelTests
{
    [Fact]
    public async Task Calls_go_round_robin_over_all_replicas()
    {
        using var keys = TestKeys.Create();
        await using var one = await TestService.StartAsync(keys.Of("policy"));
        await using var two = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, $"{one.Address},{two.Address}");
        var client = vault.Services.GetRequiredService<IdentityClient>();

        await AskAsync(client, "invalid");
        await AskAsync(client, "invalid");

        Assert.Equal(1, await RefusalsAsync(one));
        Assert.Equal(1, await RefusalsAsync(two));
    }

    [Fact]
    public async Task A_name_stands_for_all_its_addresses_and_those_where_nobody_listens_are_passed_over()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, $"localhost:{policy.Address.Split(':')[1]}");
        var client = vault.Services.GetRequiredService<IdentityClient>();

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => AskAsync(client, "caller"))), said => Assert.Equal("vault", said));
    }

    [Fact]
    public async Task A_replica_that_takes_connections_and_says_nothing_costs_no_call_its_answer()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var vault = await CallerAsync(keys, $"127.0.0.1:{((IPEndPoint)mute.LocalEndpoint).Port},{policy.Address}");
        var client = vault.Services.GetRequiredService<IdentityClient>();

        // Many more than there are attempts to connect within a call's ten seconds.
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => AskAsync(client, "caller"))), said => Assert.Equal("vault", said));
    }

    [Fact]
    public async Task A_replica_of_another_mesh_gets_no_call()
    {
        using var keys = TestKeys.Create();
        using var foreign = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        await using var stranger = await TestService.StartAsync(foreign.Of("policy"));
        await using var vault = await CallerAsync(keys, $"{stranger.Address},{policy.Address}");
        var client = vault.Services.GetRequiredService<IdentityClient>();

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => AskAsync(client, "caller"))), said => Assert.Equal("vault", said));
        Assert.Equal(0, await RefusalsAsync(stranger));
    }

    [Fact]
    public async Task Replicas_that_stop_and_come_back_in_turn_fail_no_call()
    {
        using var keys = TestKeys.Create();
        var ports = new[] { FreePorts.One(), FreePorts.One() };
        var replicas = await Task.WhenAll(ports.Select(StartAsync));
        await using var vault = await CallerAsync(keys, string.Join(',', ports.Select(port => $"127.0.0.1:{port}")));
        var client = vault.Services.GetRequiredService<IdentityClient>();
        using var enough = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 16).Select(_ => CallUntilAsync(enough.Token)).ToArray();

        for (var round = 0; round < 6; round++)
        {
            await replicas[round % 2].DisposeAsync();
            replicas[round % 2] = await StartAsync(ports[round % 2]);
            await AskAsync(client, "caller");
        }

        await enough.CancelAsync();
        var said = (await Task.WhenAll(callers)).SelectMany(one => one).CountBy(one => one).ToDictionary();
        await Task.WhenAll(replicas.Select(one => one.DisposeAsync().AsTask()));

        Assert.True(said.Keys.All(one => one == "vault"), string.Join(Environment.NewLine, said.Keys));

        Task<TestService> StartAsync(int port) => TestService.StartAsync(keys.Of("policy"), listen: $"127.0.0.1:{port}", linger: "100ms");

        async Task<List<string>> CallUntilAsync(CancellationToken stop)
        {
            var answers = new List<string>();

            while (!stop.IsCancellationRequested)
            {
                answers.Add(await AskAsync(client, "caller"));
            }

            return answers;
        }
    }

    [Fact]
    public async Task What_is_safe_to_ask_twice_is_asked_another_replica_when_one_does_not_answer()
    {
        using var keys = TestKeys.Create();
        await using var one = await TestService.StartAsync(keys.Of("policy"));
        await using var two = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, $"{one.Address},{two.Address}", "/mesh.policy.v1.IdentityService/Authenticate");

        Assert.Equal("second", await AskAsync(vault.Services.GetRequiredService<IdentityClient>(), "second"));
    }

    [Fact]
    public async Task A_call_without_a_deadline_gets_the_default_one()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, policy.Address);
        var client = vault.Services.GetRequiredService<IdentityClient>();

        var seconds = await AskAsync(client, "deadline");

        Assert.Equal("10", seconds);
    }

    [Fact]
    public async Task The_trace_goes_on_in_the_peer()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, policy.Address);
        using var activity = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();

        var trace = await AskAsync(vault.Services.GetRequiredService<IdentityClient>(), "trace");

        Assert.Equal(activity.TraceId.ToHexString(), trace);
    }

    [Fact]
    public async Task A_peer_that_comes_up_late_is_found_soon()
    {
        using var keys = TestKeys.Create();
        var port = FreePorts.One();
        await using var vault = await CallerAsync(keys, $"127.0.0.1:{port}");
        var client = vault.Services.GetRequiredService<IdentityClient>();
        var silent = await Assert.ThrowsAsync<RpcException>(async () => await client.AuthenticateAsync(new Policy.V1.AuthenticateRequest(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.True(RpcFailure.Read(silent).IsSilence);

        await using var policy = await TestService.StartAsync(keys.Of("policy"), listen: $"127.0.0.1:{port}");

        await Eventually.Async(async () => await AskAsync(client, "caller") == "vault", TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task One_replica_can_be_asked_by_its_address()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        await using var vault = await CallerAsync(keys, "127.0.0.1:1");
        using var channel = vault.Services.GetRequiredService<PeerChannels>().OpenTo("policy", policy.Address);

        Assert.Equal("vault", await AskAsync(new IdentityClient(channel), "caller"));
    }

    [Fact]
    public async Task A_peer_whose_clock_is_far_off_makes_the_caller_not_ready()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(
            keys.Of("policy"),
            configure: builder => builder.Services.AddSingleton<TimeProvider>(new ShiftedClock(TimeSpan.FromSeconds(10))));
        await using var vault = await CallerAsync(keys, policy.Address);

        await AskAsync(vault.Services.GetRequiredService<IdentityClient>(), "caller");

        using var http = new HttpClient();
        var answer = await http.GetAsync(new Uri(vault.Health, "/readyz"), TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("the clock of policy differs by ", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static Task<TestService> CallerAsync(TestKeys keys, string policy, params string[] retrySafe) => TestService.StartAsync(
        keys.Of("vault"),
        "vault",
        builder => builder.AddPeer<IdentityClient>("policy", how =>
        {
            foreach (var method in retrySafe)
            {
                how.RetrySafe.Add(method);
            }
        }),
        ["--peer-policy", policy]);

    private static async Task<string> AskAsync(IdentityClient client, string wish)
    {
        try
        {
            return (await client.AuthenticateAsync(new Policy.V1.AuthenticateRequest { Token = wish }, cancellationToken: TestContext.Current.CancellationToken)).Principal.Id;
        }
        catch (RpcException failure)
        {
            return failure.Status.Detail;
        }
    }

    private static async Task<int> RefusalsAsync(TestService service)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri(service.Health, "/metrics"), TestContext.Current.CancellationToken);
        return text.Split('\n').Where(line => line.StartsWith("mesh_refusals_total{", StringComparison.Ordinal)).Sum(line => int.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    private sealed class ShiftedClock(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }
}
