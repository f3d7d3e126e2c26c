using System.Diagnostics;
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

        // The second replica may join a moment after the first call.
        await Eventually.Async(
            async () =>
            {
                await AskAsync(client, "invalid");
                return await RefusalsAsync(one) > 0 && await RefusalsAsync(two) > 0;
            },
            TimeSpan.FromSeconds(10));
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
    public async Task One_address_is_connected_to_without_a_state_that_could_be_lost_track_of_and_several_with_one()
    {
        using var keys = TestKeys.Create();
        await using var vault = await CallerAsync(keys, "127.0.0.1:1");
        var channels = vault.Services.GetRequiredService<PeerChannels>();
        using var one = channels.OpenTo("policy", "127.0.0.1:1");
        using var several = channels.OpenTo("policy", "127.0.0.1:1,127.0.0.1:2");

        Assert.Throws<InvalidOperationException>(() => one.State);
        Assert.Equal(ConnectivityState.Idle, several.State);
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

    private static Task<TestService> CallerAsync(TestKeys keys, string policy) => TestService.StartAsync(
        keys.Of("vault"),
        "vault",
        builder => builder.AddPeer<IdentityClient>("policy"),
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
        return text.Split('\n').Count(line => line.StartsWith("mesh_refusals_total{", StringComparison.Ordinal));
    }

    private sealed class ShiftedClock(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }
}
