using System.Net;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.Tests.Peers;
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
        var clock = new HandClock();
        await using var door = await TestDoor.StartAsync(clock);
        Assert.Equal(HttpStatusCode.OK, (await door.GetAsync("/v1/whoami")).Response.StatusCode);
        door.Recorded.Tokens.Clear();

        clock.Advance(TimeSpan.FromSeconds(0.999));
        var (before, _) = await door.GetAsync("/v1/whoami");
        var asked = door.Recorded.IdentityQuestions;
        clock.Advance(TimeSpan.FromSeconds(0.001));
        var (after, _) = await door.GetAsync("/v1/whoami");

        Assert.Equal((HttpStatusCode.OK, 1), (before.StatusCode, asked));
        Assert.Equal((HttpStatusCode.Unauthorized, 2), (after.StatusCode, door.Recorded.IdentityQuestions));
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
    public async Task A_replica_of_policy_that_stops_with_the_question_in_hand_keeps_nobody_out()
    {
        var keys = TestKeys.Create();
        using var closing = ClosingReplica.Start(keys.Of("policy"));
        await using var door = await TestDoor.StartAsync(keys, "policy", closing.Address);
        var statuses = new List<HttpStatusCode>();

        // Each token is asked about, at the replica whose turn it is.
        for (var i = 0; i < 2; i++)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/v1/tenants/acme/tasks/x");
            request.Headers.Authorization = new("Bearer", door.Recorded.IssueToken("ada"));
            statuses.Add((await door.SendAsync(request, withToken: false)).Response.StatusCode);
        }

        await closing.Gone.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal([HttpStatusCode.NotFound, HttpStatusCode.NotFound], statuses);
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

    // Durations are what a test says; timers and the time of day are real.
    private sealed class HandClock : TimeProvider
    {
        private long moved;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref moved);

        public void Advance(TimeSpan by) => Interlocked.Add(ref moved, by.Ticks);
    }
}
