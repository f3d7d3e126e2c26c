using System.Text;
using EndToEnd.Tests.Fixture;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace EndToEnd.Tests.Doors;

/// <summary>An administrator of one tenant, and agents of several, reach for what is another's.</summary>
[Collection(nameof(Together))]
public sealed class TenantWallsTests(AttackedMesh mesh)
{
    [Fact]
    public async Task In_every_public_call_another_tenant_is_answered_like_one_that_does_not_exist()
    {
        using var channel = PlainChannel.Open(mesh.Node.ReadRun().Grpc);
        var bearer = new Metadata { { "authorization", $"Bearer {mesh.Gus.Token}" } };
        var ids = await IdsAsync();
        var methods = PublicContract.Public.Where(method => method.InputType.FindFieldByName("tenant") is not null).ToArray();
        Assert.True(methods.Length > 20, $"Only {methods.Length} methods name a tenant.");
        var before = await ThingsAsync();

        foreach (var method in methods)
        {
            var theirs = await PublicContract.CallAsync(channel.CreateCallInvoker(), method, MessageOf(method, "acme", ids), bearer);
            var nobodys = await PublicContract.CallAsync(channel.CreateCallInvoker(), method, MessageOf(method, "nowhere", ids), bearer);

            Assert.True(theirs is { StatusCode: StatusCode.PermissionDenied or StatusCode.NotFound }, $"{method.FullName}: {theirs?.Status.ToString() ?? "answered"}");
            Assert.Equal(Telling(theirs!, "acme"), Telling(nobodys!, "nowhere"));
        }

        Assert.Equal(before, await ThingsAsync());
    }

    [Fact]
    public async Task In_ones_own_tenant_the_ids_of_another_are_not_found()
    {
        var (task, approval) = ((await IdsAsync())["task_id"], (await IdsAsync())["approval_id"]);

        foreach (var path in (string[])["", "/events", "/timeline", ":wait"])
        {
            (await mesh.Gus.GetAsync($"/v1/tenants/globex/tasks/{task}{path}")).Refused(404, "TASK_NOT_FOUND");
            (await mesh.Gus.GetAsync($"/v1/tenants/globex/tasks/{task[^8..]}{path}")).Refused(404, "TASK_NOT_FOUND");
        }

        (await mesh.Gus.PostAsync($"/v1/tenants/globex/tasks/{task}:cancel", new { })).Refused(404, "TASK_NOT_FOUND");
        (await mesh.Gus.GetAsync($"/v1/tenants/globex/approvals/{approval}")).Refused(404, "APPROVAL_NOT_FOUND");
        (await mesh.Gus.PostAsync($"/v1/tenants/globex/approvals/{approval}:approve", new { })).Refused(404, "APPROVAL_NOT_FOUND");
        (await mesh.Gus.PostAsync("/v1/tenants/globex/tasks", new { workflow = "refund-request", input = new { order_id = "1001" } })).Refused(404, "WORKFLOW_NOT_FOUND");
        (await mesh.Gus.GetAsync("/v1/tenants/globex/manifests/Tool/payments.refund")).Refused(404, "MANIFEST_NOT_FOUND");
    }

    [Fact]
    public async Task What_names_no_tenant_shows_and_changes_only_ones_own()
    {
        var tenants = (await mesh.Gus.GetAsync("/v1/tenants")).Good().GetProperty("tenants").EnumerateArray().Select(tenant => tenant.GetString());
        Assert.Equal(["globex"], tenants);

        (await mesh.Gus.PostAsync("/v1/access/tokens", new { principal = "mole", kind = "KIND_PERSON", roles = new[] { new { tenant = "acme", role = "viewer" } } })).Refused(403, "PERMISSION_DENIED");
        (await mesh.Gus.PostAsync("/v1/access/tokens", new { principal = "gus", kind = "KIND_PERSON", roles = new[] { new { tenant = "*", role = "admin" } } })).Refused(403, "PERMISSION_DENIED");
        (await mesh.Gus.GetAsync("/v1/access/tokens?principal=olga")).Refused(403, "PERMISSION_DENIED");
        var (_, id) = await mesh.TokenAsync("vera", []);
        (await mesh.Gus.PostAsync($"/v1/access/tokens/{id}:revoke", new { })).Refused(403, "PERMISSION_DENIED");

        foreach (var tenant in (string[])["acme", "nowhere"])
        {
            var file = new { name = "mine.yaml", text = $"apiVersion: mesh/v1\nkind: Integration\nmetadata: {{tenant: {tenant}, name: evil}}\nspec: {{http: {{baseUrl: \"http://127.0.0.1:1\"}}, egress: [\"127.0.0.1:1\"]}}\n" };
            (await mesh.Gus.PostAsync("/v1/manifests:apply", new { files = new[] { file } })).Refused(403, "PERMISSION_DENIED");
        }

        (await mesh.Admin.GetAsync("/v1/tenants/acme/manifests/Integration/evil")).Refused(404, "MANIFEST_NOT_FOUND");
    }

    [Fact]
    public async Task An_agent_cannot_call_another_tenants_tool_nor_learn_that_it_exists()
    {
        var played = await mesh.PlayAsync(
            RefundMesh.Acme,
            ScriptedCall.Tool("safe.open", new { }, 0),
            ScriptedCall.Tool("safe.none", new { }, 0));

        var (theirs, nobodys) = (played.Answers[0], played.Answers[1]);
        Assert.Equal(nobodys.Status, theirs.Status);
        Assert.Equal(nobodys.Text.Replace("safe.none", "safe.open", StringComparison.Ordinal), theirs.Text);
    }

    [Fact]
    public async Task A_claim_is_worth_nothing_on_the_socket_of_another_agent()
    {
        var order = await mesh.OfferOrderAsync();
        await mesh.PlayAsync(AttackedMesh.Globex);

        // An agent that gives its claim away: through a tool, as everything leaves it.
        await mesh.Shop.TellAsync("/_slow", new { path = $"/v1/orders/{order}", beforeMs = 6_000 });
        var task = await AttackedMesh.BeginAsync(
            mesh.Olga, RefundMesh.Acme, ScriptedCall.Tool("mirror.raw", new { word = "$claim" }, 0), ScriptedCall.Tool("crm.get_order", new { order }, 1));
        await Eventually.Async(async () => (await mesh.LogOfAsync(order)).Holding("GET", "/v1/orders") == 1);
        var claim = (await mesh.EventsAsync(task)).Single(entry => entry.Kind == "CallRequested" && entry.Step == "mirror.raw#0").Fields.Fields["arguments"].StructValue.Fields["word"].StringValue;

        string[] bodies = ["record|\"stepKey\":\"stolen#0\",\"position\":1,\"value\":1", "call|\"stepKey\":\"safe.open#0\",\"position\":1,\"tool\":\"safe.open\",\"arguments\":{}", "finish|\"completed\":{\"result\":1}"];
        var thief = await mesh.PlayAsync(
            AttackedMesh.Globex,
            [.. bodies.Select(body => body.Split('|')).Select(body => new ScriptedCall($"/v1/work:{body[0]}", $$"""{"claim":"{{claim}}",{{body[1]}}}"""))]);

        Assert.All(thief.Answers, answer => answer.Refused(400, "CLAIM_LOST"));

        // Nor on the socket of the same tenant's other workflow, as a runner would relay it.
        var runner = new WorkService.WorkServiceClient(mesh.As("toolrunner").To("orchestrator"));
        var other = new AgentIdentity { Tenant = "acme", Workflow = "refund-request", WorkflowVersion = await mesh.VersionAsync("acme", "refund-request"), Instance = Guid.NewGuid().ToString("D") };
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await runner.RecordStepAsync(
            new RecordStepRequest { Agent = other, Claim = claim, StepKey = "stolen#0", Position = 1, Value = ByteString.CopyFromUtf8("1") },
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("CLAIM_LOST", Refusal.ReasonOf(refusal));
        var played = await mesh.EndAsync(RefundMesh.Acme, task);
        Assert.Equal([200, 200], played.Answers.Select(answer => answer.Status));
        Assert.DoesNotContain(await mesh.EventsAsync(task), entry => entry.Step is "stolen#0" or "safe.open#0");
    }

    private static (StatusCode, string, string) Telling(RpcException refusal, string tenant) =>
        (refusal.StatusCode, Refusal.ReasonOf(refusal), refusal.Status.Detail.Replace(tenant, "TENANT", StringComparison.Ordinal));

    // Every field that could name a thing names one that is really acme's.
    private static byte[] MessageOf(MethodDescriptor method, string tenant, IReadOnlyDictionary<string, string> ids)
    {
        var message = method.InputType.Parser.ParseFrom([]);

        foreach (var field in method.InputType.Fields.InDeclarationOrder().Where(field => field is { FieldType: FieldType.String, IsRepeated: false }))
        {
            field.Accessor.SetValue(message, field.Name == "tenant" ? tenant : ids.GetValueOrDefault(field.Name, ""));
        }

        if (method.InputType.FindFieldByName("value") is { FieldType: FieldType.Bytes } value)
        {
            value.Accessor.SetValue(message, ByteString.CopyFromUtf8("stolen"));
        }

        return message.ToByteArray();
    }

    private async Task<IReadOnlyDictionary<string, string>> IdsAsync()
    {
        var order = await mesh.OfferOrderAsync(7_000);
        var task = await AttackedMesh.BeginAsync(mesh.Olga, RefundMesh.Acme, ScriptedCall.Tool("payments.refund", new { order, amount_minor = 7_000, currency = "EUR" }, 0));
        await mesh.RestAsync(task);
        var approvals = (await mesh.Fiona.GetAsync("/v1/tenants/acme/approvals?pageSize=200")).Good().GetProperty("approvals").EnumerateArray();
        return new Dictionary<string, string>
        {
            ["task_id"] = task,
            ["approval_id"] = approvals.Single(each => each.GetProperty("taskId").GetString() == task).GetProperty("id").GetString()!,
            ["workflow"] = "probe",
            ["kind"] = "Tool",
            ["name"] = "payments/payments-key",
            ["group"] = "finance",
            ["principal"] = "gus",
            ["step"] = "payments.refund#0",
            ["reason"] = "because",
            ["digest"] = "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes("x"))),
        };
    }

    private async Task<(long, long, long, long)> ThingsAsync() => (
        await mesh.CountAsync("select count(*) from orchestrator.task"),
        await mesh.CountAsync("select count(*) from orchestrator.bundle"),
        await mesh.CountAsync("select count(*) from vault.secret_version"),
        await mesh.CountAsync("select count(*) from policy.group_member"));
}
