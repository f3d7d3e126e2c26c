using System.Globalization;
using System.Text.Json;
using EndToEnd.Tests.Custody;
using EndToEnd.Tests.Fixture;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.Policy.V1;

namespace EndToEnd.Tests.Decisions;

/// <summary>Somebody tries to have what needs approval without the right person's.</summary>
[Collection(nameof(Together))]
public sealed class ApprovalTests(AttackedMesh mesh)
{
    private const string Approvals = "/v1/tenants/acme/approvals";

    [Fact]
    public async Task A_large_refund_waits_for_another_person_of_the_group_and_goes_out_once()
    {
        var (task, order, approval) = await HoldAsync(mesh.Olga, 5_001);
        var etag = approval.GetProperty("etag").GetString();
        var path = $"{Approvals}/{approval.GetProperty("id").GetString()}:approve";
        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);

        await RefusedAsync(mesh.Olga, path, new { etag }, 403, "SELF_APPROVAL_FORBIDDEN");
        var outsider = await RefusedAsync(mesh.Nora, path, new { etag }, 403, "APPROVER_NOT_IN_GROUP");
        await RefusedAsync(mesh.Vera, path, new { etag }, 403, "PERMISSION_DENIED");
        await RefusedAsync(mesh.Gus, path, new { etag }, 403, "PERMISSION_DENIED");
        Assert.Equal("finance", outsider.Metadata("groups"));
        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);

        (await mesh.Fiona.PostAsync(path, new { etag, requestId = "first" })).Good();
        var second = await RefusedAsync(mesh.Fiona, path, new { requestId = "second" }, 400, "APPROVAL_DECIDED");
        Assert.Equal("person:fiona", second.Metadata("decided_by"));
        Assert.Equal("approved", second.Metadata("decision"));

        var played = await mesh.EndAsync(RefundMesh.Acme, task);
        Assert.Equal(200, played.Answers[0].Status);
        Assert.Single((await mesh.LogOfAsync(order)).Refunds);
        var used = (await mesh.Fiona.GetAsync($"{Approvals}/{approval.GetProperty("id").GetString()}")).Good().GetProperty("approval");
        Assert.Equal("APPROVAL_STATE_CONSUMED", used.GetProperty("state").GetString());
        await RefusedAsync(mesh.Fiona, path, new { requestId = "third" }, 400, "APPROVAL_DECIDED");
    }

    [Fact]
    public async Task Two_people_who_decide_at_the_same_time_make_one_decision()
    {
        var (task, order, approval) = await HoldAsync(mesh.Admin, 5_002);
        var path = $"{Approvals}/{approval.GetProperty("id").GetString()}";

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => n % 2 == 0
            ? mesh.Fiona.PostAsync($"{path}:approve", new { requestId = $"yes-{n}" })
            : mesh.Olga.PostAsync($"{path}:deny", new { requestId = $"no-{n}", reason = "No." })));

        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer.Status != 200), answer => answer.Refused(400, "APPROVAL_DECIDED"));
        var isApproved = answers.Index().Single(answer => answer.Item.Status == 200).Index % 2 == 0;
        await mesh.EndAsync(RefundMesh.Acme, task);
        Assert.Equal(isApproved ? 1 : 0, (await mesh.LogOfAsync(order)).Refunds.Count);
    }

    [Fact]
    public async Task A_refusal_by_a_person_is_final_and_needs_its_reason()
    {
        var (task, order, approval) = await HoldAsync(mesh.Olga, 5_003);
        var path = $"{Approvals}/{approval.GetProperty("id").GetString()}";

        Assert.Equal("reason", Assert.Single((await mesh.Fiona.PostAsync($"{path}:deny", new { })).Refused(400, "INVALID_ARGUMENT").Fields).Field);
        (await mesh.Fiona.PostAsync($"{path}:deny", new { reason = "Not this one." })).Good();
        (await mesh.Fiona.PostAsync($"{path}:approve", new { })).Refused(400, "APPROVAL_DECIDED");

        var played = await mesh.EndAsync(RefundMesh.Acme, task);
        Assert.True(played.Answers[0].Good().TryGetProperty("denied", out _), played.Answers[0].Text);
        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);
    }

    [Fact]
    public async Task An_approval_that_nobody_gave_in_time_denies()
    {
        var order = await mesh.OfferOrderAsync();

        // It expires a second after it was asked for.
        var played = await mesh.PlayAsync(RefundMesh.Acme, ScriptedCall.Tool("desk.pay", new { order, amount_minor = 1, currency = "EUR" }, 0));

        Assert.Equal("APPROVAL_EXPIRED", played.Answers[0].Good().GetProperty("denied").GetProperty("reason").GetString());
        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);
        var expired = (await mesh.Fiona.GetAsync($"{Approvals}?states=APPROVAL_STATE_EXPIRED")).Good().GetProperty("approvals").EnumerateArray()
            .Single(each => each.GetProperty("taskId").GetString() == played.Task);
        (await mesh.Fiona.PostAsync($"{Approvals}/{expired.GetProperty("id").GetString()}:approve", new { })).Refused(400, "APPROVAL_EXPIRED");
    }

    [Fact]
    public async Task What_was_approved_is_exactly_this_and_one_changed_argument_is_asked_for_anew()
    {
        var (task, order, approval) = await HoldAsync(mesh.Olga, 5_004);
        var id = approval.GetProperty("id").GetString()!;
        Assert.Equal($$"""{"amount_minor":5004,"currency":"EUR","order":"{{order}}"}""", approval.GetProperty("arguments").GetString());
        (await mesh.Fiona.PostAsync($"{Approvals}/{id}:approve", new { })).Good();
        await mesh.EndAsync(RefundMesh.Acme, task);

        // With the orchestrator's certificate, for the same task and step: the approval is for the digest, not for the step.
        var seat = new OrchestratorsSeat(mesh.As("orchestrator").To);
        var attempt = await RefundAttemptAsync();
        var held = await seat.DecideAsync(attempt);
        var altered = await seat.DecideAsync(attempt with { Arguments = Arguments(6_001) });
        Assert.Equal(DecideResponse.OutcomeOneofCase.NeedsApproval, altered.OutcomeCase);
        Assert.NotEqual(held.NeedsApproval.ApprovalId, altered.NeedsApproval.ApprovalId);

        (await mesh.Fiona.PostAsync($"{Approvals}/{held.NeedsApproval.ApprovalId}:approve", new { })).Good();

        Assert.Equal(DecideResponse.OutcomeOneofCase.Permitted, (await seat.DecideAsync(attempt)).OutcomeCase);
        Assert.Equal(DecideResponse.OutcomeOneofCase.NeedsApproval, (await seat.DecideAsync(attempt with { Arguments = Arguments(6_001) })).OutcomeCase);
        Assert.Equal(DecideResponse.OutcomeOneofCase.NeedsApproval, (await seat.DecideAsync(attempt with { Task = Guid.CreateVersion7() })).OutcomeCase);
    }

    [Fact]
    public async Task A_system_cannot_approve_whatever_its_roles_and_groups()
    {
        var token = (await mesh.Admin.PostAsync("/v1/access/tokens", new { principal = "robot", kind = "KIND_SYSTEM", roles = new[] { new { tenant = "acme", role = "approver" } } }))
            .Good().GetProperty("token").GetString()!;
        (await mesh.Admin.PostAsync("/v1/tenants/acme/groups/finance:add", new { principal = "robot" })).Good();
        var (task, order, approval) = await HoldAsync(mesh.Olga, 5_005);

        (await mesh.Open(token).PostAsync($"{Approvals}/{approval.GetProperty("id").GetString()}:approve", new { })).Refused(403, "PERMISSION_DENIED");

        Assert.Empty((await mesh.LogOfAsync(order)).Refunds);
        (await mesh.Admin.PostAsync($"/v1/tenants/acme/tasks/{task}:cancel", new { })).Good();
    }

    private static CanonicalBytes Arguments(long amount) =>
        CanonicalJson.Parse(System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"amount_minor":{{amount}},"currency":"EUR","order":"1002"}""")));

    // The refusal is counted, and what was decided, or not yet, stays as it was.
    private async Task<Answer> RefusedAsync(Door who, string path, object body, int status, string reason)
    {
        var (decided, counted) = (await DecidedAsync(path), await mesh.RefusalsAsync(reason));

        var answer = (await who.PostAsync(path, body)).Refused(status, reason);

        Assert.Equal(decided, await DecidedAsync(path));
        Assert.True(await mesh.RefusalsAsync(reason) > counted, $"{reason} was not counted.");
        return answer;
    }

    private async Task<string> DecidedAsync(string path)
    {
        var approval = (await mesh.Fiona.GetAsync(path[..path.LastIndexOf(':')])).Good().GetProperty("approval");
        return string.Join(' ', ((string[])["decidedBy", "decidedAt", "reason"]).Select(name => approval.TryGetProperty(name, out var value) ? value.ToString() : ""));
    }

    private async Task<(string Task, string Order, JsonElement Approval)> HoldAsync(Door initiator, long amount)
    {
        var order = await mesh.OfferOrderAsync(amount);
        var task = await AttackedMesh.BeginAsync(initiator, RefundMesh.Acme, ScriptedCall.Tool("payments.refund", new { order, amount_minor = amount, currency = "EUR" }, 0));
        var held = await mesh.RestAsync(task);
        Assert.True(held.State == Mesh.Orchestrator.V1.TaskState.WaitingApproval, $"{held}");
        var approval = (await mesh.Fiona.GetAsync($"{Approvals}?pageSize=200")).Good().GetProperty("approvals").EnumerateArray()
            .Single(each => each.GetProperty("taskId").GetString() == task);
        return (task, order, approval);
    }

    private async Task<Attempt> RefundAttemptAsync()
    {
        var documents = await Task.WhenAll(DocumentAsync("Tool", "payments.refund"), DocumentAsync("Integration", "payments"));
        return new Attempt
        {
            Tenant = RefundMesh.Acme,
            Version = await mesh.ProbeVersionAsync(RefundMesh.Acme),
            Tool = "payments.refund",
            ToolSpec = documents[0].NamedSpec,
            IntegrationSpec = documents[1].NamedSpec,
            Arguments = Arguments(6_000),
        };
    }

    private async Task<ManifestDocument> DocumentAsync(string kind, string name) => ManifestDocument.FromCanonical(System.Text.Encoding.UTF8.GetBytes(
        (await mesh.Admin.GetAsync($"/v1/tenants/acme/manifests/{kind}/{name}")).Good().GetProperty("manifest").GetProperty("canonical").GetString()!));
}
