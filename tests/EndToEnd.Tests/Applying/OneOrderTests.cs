using System.Globalization;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Ingress.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Applying;

/// <summary>Three services keep what people apply. What one of them shows is what the others enforce, whoever applies at the same time.</summary>
[Collection(nameof(Together))]
public sealed class OneOrderTests(AttackedMesh mesh)
{
    private const int Rounds = 40;
    private const int Persons = 4;

    // Nobody starts a task of it, so it need not be a program.
    private static readonly AgentBundle Program = AgentBundle.Pack(AppContext.BaseDirectory, file => Path.GetFileName(file) == "EndToEnd.Tests.runtimeconfig.json");

    [Fact]
    public async Task Applies_at_the_same_time_leave_policy_vault_and_catalogue_with_the_same_manifests()
    {
        const string tenant = "twins";
        await BeginAsync(tenant);
        var divergences = new List<string>();

        for (var round = 1; round <= Rounds; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, Persons).Select(person => ApplyAsync(tenant, (round * 10) + person)));
            var (set, tool, versions) = (await OwnersAsync(tenant, "PolicySet", "house"), await OwnersAsync(tenant, "Tool", "desk.pay"), await VersionsAsync(tenant));

            if (set.Distinct().Count() > 1 || tool.Distinct().Count() > 1 || versions.Distinct().Count() > 1)
            {
                divergences.Add($"round {round}: set {string.Join(" ", set)}; tool {string.Join(" ", tool)}; workflow {string.Join(" ", versions)}");
            }
        }

        Assert.Empty(divergences);
    }

    [Fact]
    public async Task Applies_of_different_documents_at_the_same_time_are_all_in_force_everywhere()
    {
        const string tenant = "siblings";
        await BeginAsync(tenant);

        for (var round = 1; round <= Rounds; round++)
        {
            var number = round;
            await Task.WhenAll(ApplyAsync(tenant, $"set-{number}.yaml", Set(tenant, number)), ApplyAsync(tenant, $"tool-{number}.yaml", Tool(tenant, number)));

            Assert.Single((await OwnersAsync(tenant, "PolicySet", "house")).Distinct());
            Assert.Single((await OwnersAsync(tenant, "Tool", "desk.pay")).Distinct());
            Assert.Single((await VersionsAsync(tenant)).Distinct());
            Assert.Contains($"Number {number}.", await ShownAsync(tenant, "Tool", "desk.pay"), StringComparison.Ordinal);
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"\"max\":{100_000 + number}"), await ShownAsync(tenant, "PolicySet", "house"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_apply_whose_ingress_died_between_two_owners_is_finished_by_its_repetition()
    {
        const string tenant = "orphans";
        await BeginAsync(tenant);

        await using (var held = await HeldCommit.OfAsync(mesh.Store, "vault.manifest"))
        {
            var cut = ApplyAsync(tenant, 2);
            await Eventually.Async(async () => await held.FindAsync() is not null);
            await mesh.KillAndSeeReplacedAsync("ingress");
            await Assert.ThrowsAsync<RpcException>(() => cut);
        }

        await mesh.AllReadyAsync();
        Assert.Equal(2, (await OwnersAsync(tenant, "PolicySet", "house")).Distinct().Count());

        await ApplyAsync(tenant, 2);

        Assert.Single((await OwnersAsync(tenant, "PolicySet", "house")).Distinct());
        Assert.Single((await OwnersAsync(tenant, "Tool", "desk.pay")).Distinct());
        Assert.Single((await VersionsAsync(tenant)).Distinct());
        Assert.Contains("Number 2.", await ShownAsync(tenant, "Tool", "desk.pay"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_person_who_hangs_up_between_two_owners_does_not_part_them()
    {
        const string tenant = "leavers";
        await BeginAsync(tenant);

        await using (var held = await HeldCommit.OfAsync(mesh.Store, "vault.manifest"))
        {
            using var left = Begin(tenant, "leavers.yaml", All(tenant, 2));
            await Eventually.Async(async () => await held.FindAsync() is not null);
            left.Dispose();
            await Assert.ThrowsAsync<RpcException>(() => left.ResponseAsync);
        }

        await Eventually.Async(async () => (await OwnersAsync(tenant, "Tool", "desk.pay")).Distinct().Count() == 1
            && (await ShownAsync(tenant, "Tool", "desk.pay")).Contains("Number 2.", StringComparison.Ordinal));
        Assert.Single((await OwnersAsync(tenant, "PolicySet", "house")).Distinct());
    }

    // A bundle belongs to a tenant, which has to be there first.
    private async Task BeginAsync(string tenant)
    {
        await ApplyAsync(tenant, "desk.yaml", Integration(tenant));
        await Program.UploadAsync(mesh.Api, tenant);
        await ApplyAsync(tenant, 1);
    }

    private Task ApplyAsync(string tenant, int number) => ApplyAsync(tenant, $"{tenant}.yaml", All(tenant, number));

    private async Task ApplyAsync(string tenant, string name, string text)
    {
        using var call = Begin(tenant, name, text);
        await call;
    }

    private AsyncUnaryCall<ApplyResponse> Begin(string tenant, string name, string text) => mesh.Api.Manifests.ApplyAsync(
        new ApplyRequest
        {
            Files =
            {
                new ManifestFile { Name = "tenant.yaml", Text = AttackManifests.TenantOf(tenant) },
                new ManifestFile { Name = name, Text = text },
            },
        });

    private static string All(string tenant, int number) => string.Join("---\n", Integration(tenant), Tool(tenant, number), Workflow(tenant), Set(tenant, number));

    private static string Integration(string tenant) =>
        $$"""
        apiVersion: mesh/v1
        kind: Integration
        metadata: {tenant: {{tenant}}, name: desk}
        spec: {http: {baseUrl: "http://127.0.0.1:7390"}, egress: ["127.0.0.1:7390"]}

        """;

    private static string Tool(string tenant, int number) =>
        $$"""
        apiVersion: mesh/v1
        kind: Tool
        metadata: {tenant: {{tenant}}, name: desk.pay}
        spec:
          integration: desk
          class: [financial]
          description: Number {{number}}.
          input: {type: object, required: [amount_minor], properties: {amount_minor: {type: integer, minimum: 1} } }
          http: {method: POST, path: "/v1/refunds", body: "{input}"}

        """;

    private static string Workflow(string tenant) =>
        $$"""
        apiVersion: mesh/v1
        kind: Workflow
        metadata: {tenant: {{tenant}}, name: pay}
        spec:
          tools: [desk.pay]
          agent: {process: {command: [never], bundle: "{{Program.Digest}}"} }
          input: {type: object}

        """;

    private static string Set(string tenant, int number) =>
        $$"""
        apiVersion: mesh/v1
        kind: PolicySet
        metadata: {tenant: {{tenant}}, name: house, version: 1}
        spec:
          mode: enforce
          rules:
            - {id: payments, effect: permit, unattended: true, limits: [a-day, an-hour], when: {tool: [desk.pay]} }
          limits:
            - {id: a-day, kind: amount, field: amount_minor, key: [tenant], max: {{100_000 + number}}, window: 24h, onExceed: deny}
            - {id: an-hour, kind: count, key: [tenant], max: 100, window: 1h, onExceed: deny}

        """;

    // The catalogue answers `mesh get`; policy and vault say nothing of their copies, so their stores are read.
    private async Task<IReadOnlyList<string>> OwnersAsync(string tenant, string kind, string name)
    {
        List<string> digests = [await ShownDigestAsync(tenant, kind, name), await PolicyDigestAsync(tenant, kind, name)];

        if (kind != "PolicySet")
        {
            digests.Add(await TextAsync("select digest from vault.manifest where tenant_id = $1 and kind = $2 and name = $3", tenant, kind, name));
        }

        return digests;
    }

    // The version that new tasks get, and whether both guards know it.
    private async Task<IReadOnlyList<string>> VersionsAsync(string tenant)
    {
        var version = await mesh.VersionAsync(tenant, "pay");
        return
        [
            version,
            await TextAsync("select coalesce(max(workflow_version), 'unknown') from policy.workflow_definition where tenant_id = $1 and workflow = $2 and workflow_version = $3", tenant, "pay", version),
            await TextAsync("select coalesce(max(workflow_version), 'unknown') from vault.workflow_version where tenant_id = $1 and workflow = $2 and workflow_version = $3", tenant, "pay", version),
        ];
    }

    private Task<string> PolicyDigestAsync(string tenant, string kind, string name) =>
        TextAsync("select digest from policy.current_manifest where tenant_id = $1 and kind = $2 and name = $3", tenant, kind, name);

    private async Task<string> ShownDigestAsync(string tenant, string kind, string name) =>
        (await mesh.Admin.GetAsync($"/v1/tenants/{tenant}/manifests/{kind}/{name}")).Good().GetProperty("manifest").GetProperty("digest").GetString()!;

    private async Task<string> ShownAsync(string tenant, string kind, string name) =>
        (await mesh.Admin.GetAsync($"/v1/tenants/{tenant}/manifests/{kind}/{name}")).Text;

    private async Task<string> TextAsync(string sql, params IReadOnlyList<string> values)
    {
        await using var command = mesh.Store.CreateCommand(sql);

        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return (string)(await command.ExecuteScalarAsync())!;
    }
}
