using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.TestKit;

namespace Mesh.ServiceHost.Tests.Identity;

public sealed class MutualTlsTests
{
    [Fact]
    public async Task A_caller_that_the_table_allows_is_answered_and_known_by_name()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var client = new TestClient(policy.Address, keys.Of("vault"));

        var answer = await client.AskAsync("caller");

        Assert.Equal("vault", answer);
    }

    [Fact]
    public async Task A_caller_without_a_certificate_gets_no_connection()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var client = new TestClient(policy.Address, keys: null);

        var failure = await Assert.ThrowsAsync<RpcException>(() => client.AskAsync("caller"));

        Assert.True(RpcFailure.Read(failure).IsSilence);
    }

    [Fact]
    public async Task A_caller_from_another_mesh_gets_no_connection()
    {
        using var keys = TestKeys.Create();
        using var others = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));

        // It trusts the server's CA, so that the refusal can only be the server's.
        File.Copy(Path.Combine(keys.Of("vault"), "ca.crt"), Path.Combine(others.Of("vault"), "ca.crt"), overwrite: true);
        using var client = new TestClient(policy.Address, others.Of("vault"));

        await Assert.ThrowsAsync<RpcException>(() => client.AskAsync("caller"));
    }

    [Fact]
    public async Task A_service_that_the_table_does_not_list_is_told_so_with_a_reason()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var client = new TestClient(policy.Address, keys.Of("toolrunner"));

        var failure = RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(() => client.AskAsync("caller")));

        Assert.Equal(StatusCode.PermissionDenied, failure.Code);
        Assert.Equal(Reason.CallerNotAllowed, failure.Reason);
    }

    [Fact]
    public async Task A_method_that_the_service_does_not_serve_is_denied_like_one_without_a_row()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        using var client = new TestClient(policy.Address, keys.Of("orchestrator"));

        var failure = RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(
            async () => await client.Decisions.DecideAsync(new Policy.V1.DecideRequest(), deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: TestContext.Current.CancellationToken)));

        Assert.Equal(Reason.CallerNotAllowed, failure.Reason);
    }

    [Fact]
    public async Task An_expired_certificate_gets_no_connection()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        keys.Replace("vault", DateTimeOffset.UtcNow.AddMinutes(-50), DateTimeOffset.UtcNow.AddMinutes(-10));
        using var client = new TestClient(policy.Address, keys.Of("vault"));

        var failure = await Assert.ThrowsAsync<RpcException>(() => client.AskAsync("caller"));

        Assert.True(RpcFailure.Read(failure).IsSilence);
    }

    [Fact]
    public async Task A_renewed_certificate_is_shown_by_the_next_handshake_without_a_restart()
    {
        using var keys = TestKeys.Create();
        await using var policy = await TestService.StartAsync(keys.Of("policy"));
        var before = await TestClient.ShownSerialAsync(policy.Address, keys.Of("vault"), "policy");

        keys.Renew("policy");

        var after = await TestClient.ShownSerialAsync(policy.Address, keys.Of("vault"), "policy");
        Assert.NotEqual(before, after);
    }

    [Fact]
    public async Task A_caller_refuses_a_server_that_is_another_service()
    {
        using var keys = TestKeys.Create();
        await using var impostor = await TestService.StartAsync(keys.Of("toolrunner"), "toolrunner");
        using var client = new TestClient(impostor.Address, keys.Of("vault"), callee: "policy");

        var failure = await Assert.ThrowsAsync<RpcException>(() => client.AskAsync("caller"));

        Assert.Contains("certificate", failure.InnerException?.ToString() ?? failure.ToString(), StringComparison.OrdinalIgnoreCase);
    }
}
