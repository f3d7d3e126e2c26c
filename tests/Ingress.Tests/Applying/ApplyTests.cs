using System.Net;
using System.Text.Json;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Ingress.Tests.Applying;

public sealed class ApplyTests
{
    private const string Workflow = """
        apiVersion: mesh/v1
        kind: Workflow
        metadata: {tenant: acme, name: refunds}
        spec:
          tools: []
          agent: {process: {command: [dotnet, Agent.dll], directory: ./agent}}
          input: {type: object}
        ---
        apiVersion: mesh/v1
        kind: Tenant
        metadata: {name: acme}
        """;

    private static readonly string Digest = "sha256:" + new string('a', 64);

    [Fact]
    public async Task Manifests_are_validated_everywhere_and_then_applied_to_the_guards_first()
    {
        await using var door = await TestDoor.StartAsync();

        var answer = await Client(door).ApplyAsync(Request(), door.Bearer);

        Assert.Equal(
            ["policy True", "vault True", "orchestrator True", "policy False", "vault False", "orchestrator False"],
            door.Recorded.Applies.Select(apply => $"{apply.Service} {apply.Request.ValidateOnly}"));
        Assert.All(door.Recorded.Applies, apply => Assert.Equal(("ada", door.Token), (apply.Principal.Id, apply.Token)));
        var documents = door.Recorded.Applies.First().Request.Documents;
        Assert.Equal(["Tenant", "Workflow"], documents.Select(document => document.Kind));
        Assert.Contains(Digest, documents[1].Canonical.ToStringUtf8(), StringComparison.Ordinal);
        Assert.DoesNotContain("directory", documents[1].Canonical.ToStringUtf8(), StringComparison.Ordinal);
        Assert.Equal("refund.yaml:1", documents[1].Source);
        Assert.Equal(["CREATED", "CREATED"], answer.Applied.Select(each => each.Change.ToString().ToUpperInvariant()));
        Assert.Single(answer.Findings);
    }

    [Fact]
    public async Task It_is_the_same_by_json()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.PostAsync(
            "/v1/manifests:apply", JsonSerializer.Serialize(new { files = new[] { new { name = "refund.yaml", text = Workflow } }, bundles = new Dictionary<string, string> { ["acme/refunds"] = Digest } }));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("CHANGE_CREATED", body, StringComparison.Ordinal);
        Assert.Equal(6, door.Recorded.Applies.Count);
    }

    [Fact]
    public async Task A_dry_run_says_what_would_change_and_changes_nothing()
    {
        await using var door = await TestDoor.StartAsync();
        var request = Request();
        request.DryRun = true;

        var answer = await Client(door).ApplyAsync(request, door.Bearer);

        Assert.Equal(2, answer.Applied.Count);
        Assert.All(door.Recorded.Applies, apply => Assert.True(apply.Request.ValidateOnly));
    }

    [Fact]
    public async Task A_dry_run_without_the_digests_says_which_folders_are_to_be_packed_and_asks_nobody()
    {
        await using var door = await TestDoor.StartAsync();
        var request = Request();
        request.Bundles.Clear();
        request.DryRun = true;

        var answer = await Client(door).ApplyAsync(request, door.Bearer);

        Assert.Equal(
            new V1.BundleNeeded { Tenant = "acme", Workflow = "refunds", Directory = "./agent", File = "refund.yaml" },
            Assert.Single(answer.BundlesNeeded));
        Assert.Empty(answer.Applied);
        Assert.Empty(door.Recorded.Applies);
    }

    [Fact]
    public async Task Every_error_names_file_line_and_field_and_nobody_is_asked()
    {
        await using var door = await TestDoor.StartAsync();
        var request = Request();
        request.Files.Add(new V1.ManifestFile { Name = "bad.yaml", Text = "apiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: Acme}\n" });
        request.Files.Add(new V1.ManifestFile { Name = "again.yaml", Text = "apiVersion: mesh/v1\nkind: Tenant\nmetadata: {name: acme}\n" });
        request.Bundles.Clear();
        request.Bundles["acme/other"] = Digest;

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Client(door).ApplyAsync(request, door.Bearer));

        var failure = RpcFailure.Read(refused);
        Assert.Equal(Reason.ManifestInvalid, failure.Reason);
        Assert.Equal(
            ["again.yaml:1 metadata.name", "bad.yaml:3:18 metadata.name", "bundles[acme/other]", "refund.yaml:1 spec.agent.process.directory"],
            failure.Fields.Select(field => field.Field).Order());
        Assert.Empty(door.Recorded.Applies);
    }

    [Fact]
    public async Task What_one_service_refuses_none_applies()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.ApplyRefuses = ("orchestrator", true, new MeshError(StatusCode.InvalidArgument, Reason.ManifestInvalid, "No.") { Fields = [new FieldError("x", "y")] }.AsException());

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Client(door).ApplyAsync(Request(), door.Bearer));

        Assert.Equal((Reason.ManifestInvalid, "x"), (RpcFailure.Read(refused).Reason, RpcFailure.Read(refused).Fields.Single().Field));
        Assert.All(door.Recorded.Applies, apply => Assert.True(apply.Request.ValidateOnly));
    }

    [Fact]
    public async Task Policy_gives_an_apply_its_place_and_the_others_are_told()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.Generation = 6;

        await Client(door).ApplyAsync(Request(), door.Bearer);

        Assert.Equal(["policy 0", "vault 7", "orchestrator 7"], Applied(door));
    }

    [Fact]
    public async Task An_apply_that_another_one_overtook_begins_again_as_the_latest()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.ApplyOvertaken = ("orchestrator", 1);

        var answer = await Client(door).ApplyAsync(Request(), door.Bearer);

        Assert.Equal(["policy 0", "vault 1", "orchestrator 1", "policy 0", "vault 2", "orchestrator 2"], Applied(door));
        Assert.All(answer.Applied, each => Assert.Equal(Manifests.V1.AppliedManifest.Types.Change.Created, each.Change));
    }

    [Fact]
    public async Task An_apply_that_is_overtaken_again_and_again_is_refused_in_the_end()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.ApplyOvertaken = ("vault", int.MaxValue);

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Client(door).ApplyAsync(Request(), door.Bearer));

        Assert.Equal((StatusCode.Aborted, Reason.ApplyOvertaken), (refused.StatusCode, RpcFailure.Read(refused).Reason));
        Assert.Equal(10, door.Recorded.Generation);
        Assert.DoesNotContain(Applied(door), apply => apply.StartsWith("orchestrator", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_is_interrupted_between_two_services_is_told_who_has_the_manifests_and_what_to_do()
    {
        await using var door = await TestDoor.StartAsync();
        door.Recorded.ApplyRefuses = ("vault", false, Refusals.Refused(StatusCode.Unavailable, Reason.VaultSealed, "The vault is sealed."));

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Client(door).ApplyAsync(Request(), door.Bearer));

        Assert.Equal((StatusCode.Unavailable, Reason.VaultSealed), (refused.StatusCode, RpcFailure.Read(refused).Reason));
        Assert.Equal(
            "The vault is sealed. The apply was interrupted at vault, after policy took the manifests. Apply them again to finish it.", refused.Status.Detail);
    }

    [Fact]
    public async Task A_service_that_is_away_is_named()
    {
        await using var door = await TestDoor.StartAsync();
        await door.StopPeerAsync("vault");

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await Client(door).ApplyAsync(Request(), door.Bearer));

        Assert.Equal("vault", RpcFailure.Read(refused).Metadata["service"]);
    }

    private static IEnumerable<string> Applied(TestDoor door) =>
        door.Recorded.Applies.Where(apply => !apply.Request.ValidateOnly).Select(apply => $"{apply.Service} {apply.Request.Generation}");

    private static V1.ManifestService.ManifestServiceClient Client(TestDoor door) => new(door.Grpc);

    private static V1.ApplyRequest Request() => new()
    {
        Files = { new V1.ManifestFile { Name = "refund.yaml", Text = Workflow } },
        Bundles = { ["acme/refunds"] = Digest },
    };
}
