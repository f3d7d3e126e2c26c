using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Integrity;
using Mesh.TestKit;

namespace EndToEnd.Tests.Doors;

/// <summary>A stranger knocks at every door that ingress has.</summary>
[Collection(nameof(Together))]
public sealed partial class PublicDoorsTests(AttackedMesh mesh)
{
    [Fact]
    public async Task Every_path_of_the_API_answers_401_without_a_token_that_counts()
    {
        var routes = PublicContract.Public.Select(PublicContract.RouteOf).OfType<(HttpMethod Verb, string Path)>().ToArray();
        Assert.True(routes.Length > 25, $"Only {routes.Length} routes were found.");
        var shown = await ShownAsync();
        var counted = await mesh.RefusalsAsync("UNAUTHENTICATED");

        foreach (var (verb, path) in routes)
        {
            foreach (var (what, authorization) in shown)
            {
                using var request = new HttpRequestMessage(verb, Filled(path));
                request.Content = verb == HttpMethod.Post ? new StringContent("{}", new MediaTypeHeaderValue("application/json")) : null;

                if (authorization is not null)
                {
                    request.Headers.TryAddWithoutValidation("authorization", authorization);
                }

                var answer = await mesh.Open(null).SendAsync(request);
                Assert.True((answer.Status, answer.Reason) == (401, "UNAUTHENTICATED"), $"{what} at {verb} {path}: {answer.Status} {answer.Text}");
            }
        }

        Assert.Equal(counted + (routes.Length * shown.Count), await mesh.RefusalsAsync("UNAUTHENTICATED"));
    }

    [Fact]
    public async Task Every_method_of_the_API_is_UNAUTHENTICATED_without_a_token_that_counts()
    {
        using var channel = PlainChannel.Open(mesh.Node.ReadRun().Grpc);
        var shown = await ShownAsync();

        foreach (var method in PublicContract.Public)
        {
            foreach (var (what, authorization) in shown)
            {
                var refusal = await PublicContract.CallAsync(channel.CreateCallInvoker(), method, [], authorization is null ? [] : new Metadata { { "authorization", authorization } });

                Assert.True(refusal is not null && Refusal.ReasonOf(refusal) == "UNAUTHENTICATED", $"{what} at {method.FullName}: {refusal?.Status.ToString() ?? "answered"}");
            }
        }
    }

    [Fact]
    public async Task What_only_services_ask_each_other_for_cannot_be_reached_through_ingress_by_an_administrator()
    {
        using var channel = PlainChannel.Open(mesh.Node.ReadRun().Grpc);
        var bearer = new Metadata { { "authorization", $"Bearer {mesh.Admin.Token}" } };
        Assert.NotEmpty(PublicContract.Inner);

        foreach (var method in PublicContract.Inner)
        {
            var refusal = await PublicContract.CallAsync(channel.CreateCallInvoker(), method, [], bearer);
            Assert.True(refusal?.StatusCode == StatusCode.Unimplemented, $"{method.FullName}: {refusal?.Status.ToString() ?? "answered"}");

            (await mesh.Admin.PostAsync(PublicContract.PathOf(method), new { })).Refused(404, "UNSUPPORTED");

            if (PublicContract.RouteOf(method) is var (_, path))
            {
                (await mesh.Admin.PostAsync(path, new { })).Refused(404, "UNSUPPORTED");
            }
        }
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/readyz")]
    [InlineData("/healthz")]
    [InlineData("/v1/../metrics")]
    [InlineData("/run.json")]
    [InlineData("/hooks/acme")]
    public async Task What_is_for_the_operator_is_not_at_the_public_door(string path)
    {
        Assert.Contains((await mesh.Open(null).GetAsync(path)).Status, (int[])[401, 404]);
    }

    [Fact]
    public async Task A_principal_that_is_smuggled_in_from_outside_is_ignored()
    {
        // What ingress itself would say of the bootstrap administrator.
        var principal = new Mesh.Policy.V1.Principal { Id = "root", Kind = Mesh.Policy.V1.Principal.Types.Kind.Person, Roles = { new Mesh.Policy.V1.RoleGrant { Tenant = "*", Role = "admin" } } };
        var smuggled = Convert.ToBase64String(Google.Protobuf.MessageExtensions.ToByteArray(principal)).TrimEnd('=');
        using var channel = PlainChannel.Open(mesh.Node.ReadRun().Grpc);
        var tasks = new Mesh.Orchestrator.V1.TaskService.TaskServiceClient(channel);
        var start = new Mesh.Orchestrator.V1.StartTaskRequest { Tenant = "acme", Workflow = "probe" };

        using var alone = new HttpRequestMessage(HttpMethod.Post, new Uri("/v1/tenants/acme/tasks", UriKind.Relative)) { Headers = { { "mesh-principal-bin", smuggled } } };
        (await mesh.Open(null).SendAsync(alone)).Refused(401, "UNAUTHENTICATED");

        foreach (var name in (string[])["mesh-principal-bin", "Mesh-Principal-Bin"])
        {
            using var beside = new HttpRequestMessage(HttpMethod.Post, new Uri("/v1/tenants/acme/tasks", UriKind.Relative))
            {
                Headers = { { name, smuggled } },
                Content = new StringContent("""{"workflow":"probe","input":{}}""", new MediaTypeHeaderValue("application/json")),
            };
            (await mesh.Vera.SendAsync(beside)).Refused(403, "PERMISSION_DENIED");
        }

        var both = new Metadata { { "authorization", $"Bearer {mesh.Vera.Token}" }, { "mesh-principal-bin", Google.Protobuf.MessageExtensions.ToByteArray(principal) } };
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await tasks.StartTaskAsync(start, both, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("PERMISSION_DENIED", Refusal.ReasonOf(refusal));
    }

    [Fact]
    public async Task A_token_is_dead_within_a_second_of_its_revocation()
    {
        var (token, id) = await mesh.TokenAsync("shortlived", [("acme", "viewer")]);
        var door = mesh.Open(token);
        (await door.GetAsync("/v1/whoami")).Good();

        (await mesh.Admin.PostAsync($"/v1/access/tokens/{id}:revoke", new { })).Good();

        await Eventually.Async(async () => (await door.GetAsync("/v1/tenants/acme/tasks")).Status == 401, TimeSpan.FromSeconds(2));
        (await door.GetAsync("/v1/whoami")).Refused(401, "UNAUTHENTICATED");
    }

    private static Uri Filled(string path) => new(Placeholder().Replace(path, place => place.Groups[1].Value switch
    {
        "tenant" => "acme",
        "index" => "0",
        _ => "01900000-0000-7000-8000-000000000000",
    }), UriKind.Relative);

    // Header values that let nobody in, by what they are.
    private async Task<IReadOnlyList<(string What, string? Authorization)>> ShownAsync()
    {
        var foreign = OpaqueToken.Generate(TokenKind.Access).Reveal();
        var (revoked, id) = await mesh.TokenAsync("gone", [("*", "admin")]);
        var (expired, _) = await mesh.TokenAsync("gone", [("*", "admin")], DateTimeOffset.UtcNow.AddMilliseconds(1_500));
        (await mesh.Admin.PostAsync($"/v1/access/tokens/{id}:revoke", new { })).Good();

        // At the door itself, which believes policy's last answer for a second.
        await Eventually.Async(async () => (await mesh.Open(revoked).GetAsync("/v1/tenants")).Status == 401);
        await Eventually.Async(async () => (await mesh.Open(expired).GetAsync("/v1/tenants")).Status == 401);
        return
        [
            ("no token", null),
            ("a malformed token", "Bearer mesh_nonsense"),
            ("another scheme", $"Basic {mesh.Admin.Token}"),
            ("a token with a changed character", $"Bearer {Altered(mesh.Admin.Token!)}"),
            ("a foreign token", $"Bearer {foreign}"),
            ("a revoked token", $"Bearer {revoked}"),
            ("an expired token", $"Bearer {expired}"),
        ];
    }

    private static string Altered(string token) => token[..^1] + (token[^1] == 'a' ? 'b' : 'a');

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();
}
