using System.Net;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.ServiceHost;
using Mesh.TestKit;

namespace Mesh.Ingress.Tests.Identity;

public sealed class TokenTests
{
    [Fact]
    public async Task Without_a_token_that_policy_knows_nothing_is_reached()
    {
        await using var door = await TestDoor.StartAsync();
        string?[] shown =
        [
            null, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer mesh_nonsense", "Bearer " + OpaqueToken.Generate(TokenKind.Lease).Reveal(),
            "Bearer " + OpaqueToken.Generate(TokenKind.Access).Reveal(), door.Token, $"Bearer {door.Token} x",
        ];

        foreach (var authorization in shown)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/v1/whoami");
            request.Headers.TryAddWithoutValidation("authorization", authorization);
            var (response, body) = await door.SendAsync(request, withToken: false);

            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Contains("UNAUTHENTICATED", body, StringComparison.Ordinal);
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        }

        Assert.Empty(door.Recorded.Callers);

        // Only the one that could have been issued was worth a question.
        Assert.Equal(1, door.Recorded.IdentityQuestions);
    }

    [Fact]
    public async Task A_grpc_client_without_a_token_gets_its_status_with_the_reason()
    {
        await using var door = await TestDoor.StartAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await new Policy.V1.AccessService.AccessServiceClient(door.Grpc).WhoAmIAsync(new()));

        Assert.Equal((StatusCode.Unauthenticated, Reason.Unauthenticated), (refused.StatusCode, RpcFailure.Read(refused).Reason));
    }

    [Fact]
    public async Task Two_tokens_are_none()
    {
        await using var door = await TestDoor.StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Get, "/v1/whoami");
        request.Headers.TryAddWithoutValidation("authorization", $"Bearer {door.Token}");
        request.Headers.TryAddWithoutValidation("authorization", $"Bearer {door.Token}");

        var (response, _) = await door.SendAsync(request, withToken: false);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task A_revoked_token_ends_within_a_second_and_until_then_policy_is_asked_once()
    {
        await using var door = await TestDoor.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
        var asked = door.Recorded.IdentityQuestions;
        door.Recorded.Tokens.Clear();
        var revoked = System.Diagnostics.Stopwatch.StartNew();

        await Eventually.Async(async () => (await door.GetAsync("/v1/whoami")).Response.StatusCode == HttpStatusCode.Unauthorized);

        Assert.Equal(1, asked);
        Assert.True(revoked.Elapsed < TimeSpan.FromSeconds(1.5), $"It took {revoked.Elapsed}.");
    }

    [Fact]
    public async Task When_policy_is_away_nobody_is_let_in_and_the_answer_says_why()
    {
        await using var door = await TestDoor.StartAsync();
        await door.StopPeerAsync("policy");

        var (response, body) = await door.GetAsync("/v1/tenants/acme/tasks/x");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("policy", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_store_of_policy_is_away_nobody_is_let_in_and_the_answer_is_the_one_for_a_store()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.IdentityRefuses = Refusals.StoreUnavailable().AsException();

        var (response, body) = await door.GetAsync("/v1/tenants/acme/tasks/x");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("STORE_UNAVAILABLE", body, StringComparison.Ordinal);
        Assert.NotNull(response.Headers.RetryAfter);
    }

    [Fact]
    public async Task What_went_wrong_between_ingress_and_policy_is_not_told_to_strangers()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.IdentityRefuses = Refusals.Refused(Grpc.Core.StatusCode.PermissionDenied, Errors.V1.Reason.CallerNotAllowed, "ingress may not");

        var (response, body) = await door.GetAsync("/v1/tenants/acme/tasks/x");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("SERVICE_UNAVAILABLE", body, StringComparison.Ordinal);
        Assert.DoesNotContain("may not", body, StringComparison.Ordinal);
    }
}
