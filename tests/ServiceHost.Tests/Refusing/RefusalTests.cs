using System.Net;
using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Ingress.V1;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace Mesh.ServiceHost.Tests.Refusing;

public sealed class RefusalTests : IAsyncLifetime
{
    private readonly TestKeys keys = TestKeys.Create();
    private TestService policy = null!;
    private TestClient client = null!;

    public async ValueTask InitializeAsync()
    {
        policy = await TestService.StartAsync(keys.Of("policy"));
        client = new TestClient(policy.Address, keys.Of("ingress"));
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await policy.DisposeAsync();
        keys.Dispose();
    }

    [Fact]
    public async Task A_refusal_tells_its_reason_and_the_fields_that_are_wrong()
    {
        var failure = await FailAsync("invalid");

        Assert.Equal(StatusCode.InvalidArgument, failure.Code);
        Assert.Equal(Reason.InvalidArgument, failure.Reason);
        Assert.Equal([new FieldError("token", "must be 1 to 64 characters")], failure.Fields);
    }

    [Fact]
    public async Task A_text_that_the_store_cannot_keep_is_refused_by_its_field()
    {
        var failure = await FailAsync("a\0b");

        Assert.Equal(Reason.InvalidArgument, failure.Reason);
        Assert.Equal([new FieldError("token", "must not hold U+0000")], failure.Fields);
    }

    [Fact]
    public void Every_text_of_a_request_is_looked_at_and_JSON_is_not()
    {
        var apply = new ApplyRequest
        {
            Files = { new ManifestFile { Name = "good.yaml" }, new ManifestFile { Name = "b\0d.yaml" } },
            Bundles = { ["agent\0"] = "x", ["other"] = "\0" },
        };
        var start = new StartTaskRequest { Tenant = "acme", Input = Value.ForString("a\0b") };

        Assert.Equal(["files[1].name", "bundles", "bundles.other"], UnstorableText.FieldsOf(apply).Select(field => field.Field));
        Assert.Empty(UnstorableText.FieldsOf(start));
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_back()
    {
        var failure = await FailAsync("full");

        Assert.Equal(StatusCode.ResourceExhausted, failure.Code);
        Assert.Equal(Reason.Overloaded, failure.Reason);
        Assert.Equal(TimeSpan.FromSeconds(3), failure.RetryAfter);
    }

    [Fact]
    public async Task A_defect_is_internal_with_an_id_and_tells_nothing_else()
    {
        var failure = await FailAsync("boom");

        Assert.Equal(StatusCode.Internal, failure.Code);
        Assert.Equal(Reason.Internal, failure.Reason);
        Assert.DoesNotContain("secret", failure.Message, StringComparison.Ordinal);
        Assert.Matches("[0-9a-f]{32}", failure.Message);
    }

    [Fact]
    public async Task A_store_that_is_away_is_unavailable_and_its_address_stays_inside()
    {
        var failure = await FailAsync("store");

        Assert.Equal(StatusCode.Unavailable, failure.Code);
        Assert.Equal(Reason.StoreUnavailable, failure.Reason);
        Assert.DoesNotContain("10.0.0.1", failure.Message, StringComparison.Ordinal);
        Assert.False(failure.IsSilence);
    }

    [Fact]
    public async Task A_lacking_role_is_named()
    {
        var failure = RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(() => AskAs(Person("acme", Role.Auditor), "viewer")));

        Assert.Equal(Reason.PermissionDenied, failure.Reason);
        Assert.Equal(Role.Viewer, failure.Metadata["role"]);
    }

    [Fact]
    public async Task A_principal_with_the_role_or_admin_everywhere_passes()
    {
        Assert.Equal("ann", await AskAs(Person("acme", Role.Viewer), "viewer"));
        Assert.Equal("ann", await AskAs(Person(Principal.AllTenants, Role.Admin), "viewer"));
    }

    [Fact]
    public async Task A_principal_that_another_service_than_ingress_claims_is_nobody()
    {
        using var vault = new TestClient(policy.Address, keys.Of("vault"));

        var failure = RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(() => AskAs(Person("acme", Role.Viewer), "viewer", vault)));

        Assert.Equal(Reason.Unauthenticated, failure.Reason);
    }

    [Fact]
    public async Task Two_principals_in_one_call_are_nobody()
    {
        var headers = new Metadata { Person("acme", Role.Viewer), Person("acme", Role.Admin) };

        var failure = RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(() => AskWith(headers, "viewer", client)));

        Assert.Equal(Reason.Unauthenticated, failure.Reason);
    }

    [Theory]
    [InlineData("invalid", HttpStatusCode.BadRequest, "INVALID_ARGUMENT")]
    [InlineData("full", HttpStatusCode.TooManyRequests, "OVERLOADED")]
    [InlineData("boom", HttpStatusCode.InternalServerError, "INTERNAL")]
    [InlineData("store", HttpStatusCode.ServiceUnavailable, "STORE_UNAVAILABLE")]
    public async Task Json_clients_get_the_same_reasons_and_never_an_empty_500(string wish, HttpStatusCode expected, string reason)
    {
        var (status, body) = await PostAsync(client, wish);

        Assert.Equal(expected, status);
        Assert.Equal(reason, ReasonIn(body));
        Assert.DoesNotContain("secret detail", body, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_clients_that_the_table_does_not_list_get_the_reason_too()
    {
        using var vault = new TestClient(policy.Address, keys.Of("vault"));

        var (status, body) = await PostAsync(vault, "fine");

        Assert.Equal(HttpStatusCode.Forbidden, status);
        Assert.Equal("CALLER_NOT_ALLOWED", ReasonIn(body));
    }

    [Fact]
    public async Task A_path_that_is_no_method_is_refused_on_the_peers_listener()
    {
        var response = await client.Http.GetAsync(new Uri("/v1/nothing", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Every_refusal_is_counted_by_its_reason()
    {
        await FailAsync("invalid");
        await FailAsync("invalid");
        await FailAsync("full");

        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri(policy.Health, "/metrics"), TestContext.Current.CancellationToken);

        Assert.Contains("mesh_refusals_total{reason=\"INVALID_ARGUMENT\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("mesh_refusals_total{reason=\"OVERLOADED\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_whose_deadline_passes_is_told_so()
    {
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await client.Identities.AuthenticateAsync(
            new Policy.V1.AuthenticateRequest { Token = "slow" }, deadline: DateTime.UtcNow.AddMilliseconds(200), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal(StatusCode.DeadlineExceeded, failure.StatusCode);
    }

    private static Principal Person(string tenant, string role) => new(
        "ann",
        PrincipalKind.Person,
        System.Collections.Immutable.ImmutableDictionary<string, System.Collections.Immutable.ImmutableHashSet<string>>.Empty.Add(tenant, [role]),
        [],
        "t1");

    private static string ReasonIn(string body)
    {
        using var json = JsonDocument.Parse(body);
        var info = json.RootElement.GetProperty("details").EnumerateArray().Single(detail => detail.GetProperty("@type").GetString() == "type.googleapis.com/google.rpc.ErrorInfo");
        Assert.Equal("mesh", info.GetProperty("domain").GetString());
        return info.GetProperty("reason").GetString()!;
    }

    private static async Task<(HttpStatusCode Status, string Body)> PostAsync(TestClient client, string wish)
    {
        using var content = new StringContent("{}", Encoding.UTF8, "application/json");
        var response = await client.Http.PostAsync(new Uri($"/v1/access/tokens/{wish}:revoke", UriKind.Relative), content, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private Task<string> AskAs(Principal principal, string wish, TestClient? by = null) => AskWith(new Metadata { principal }, wish, by ?? client);

    private static async Task<string> AskWith(Metadata headers, string wish, TestClient by) =>
        (await by.Identities.AuthenticateAsync(new Policy.V1.AuthenticateRequest { Token = wish }, headers, DateTime.UtcNow.AddSeconds(10), TestContext.Current.CancellationToken)).Principal.Id;

    private async Task<RpcFailure> FailAsync(string wish) => RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(() => client.AskAsync(wish)));
}
