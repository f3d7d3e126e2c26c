using Google.Protobuf;
using Mesh.Errors.V1;
using Mesh.Integrity;

namespace Mesh.Policy.Tests;

public sealed class DecisionFlowTests(PolicyNode node)
{
    [Fact]
    public async Task Without_a_policy_a_task_may_start_and_no_tool_may_be_called()
    {
        var tenant = await TestTenant.CreateAsync(node);

        var start = await node.Decisions().AdmitAsync(tenant.AskStart());
        var read = await node.Decisions().DecideAsync(tenant.Ask("crm.get_order", """{"order":"o-1"}"""));

        Assert.True(start.Permitted);
        Assert.Equal("POLICY_DENIED", read.Denied.Reason);
        Assert.Equal("default", read.Explanation.DecidedBy);
    }

    [Fact]
    public async Task A_tenants_forbid_wins_over_the_platforms_permit_to_start()
    {
        var tenant = await TestTenant.CreateAsync(node, """
            rules:
              - {id: no-webhooks, effect: forbid, when: {tool: [mesh.start], all: [{initiator: {prefix: "webhook:"}}]}}
            """);

        Assert.False((await node.Decisions().AdmitAsync(tenant.AskStart(initiator: "webhook:shop"))).Permitted);
        Assert.True((await node.Decisions().AdmitAsync(tenant.AskStart(initiator: "person:ines"))).Permitted);
    }

    [Fact]
    public async Task A_permitted_call_gets_a_note_that_policy_signed_about_exactly_this_call()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);
        var request = tenant.AskRefund(1200);

        var answer = await node.Decisions().DecideAsync(request);

        Assert.True(DecisionTicket.TryVerify(answer.Permitted.Decision.Span, node.Verifiers, out var ticket, out var reason), $"{reason}");
        Assert.Equal(DigestOf(request), ticket.Action);
        Assert.Equal((tenant.Name, TestTenant.Refund, 1L, 7L), (ticket.Tenant, ticket.Tool, ticket.Dispatch, ticket.Epoch));
        Assert.Equal(("payments", "payments/payments-key"), (ticket.Integration, ticket.SecretName));
        Assert.Equal(["financial"], ticket.Classes);
        Assert.Equal(answer.Explanation.PolicySetDigest, ticket.PolicySet.ToString());
        Assert.InRange(ticket.Expiry - DateTimeOffset.UtcNow, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(61));
        Assert.Equal(["small-refunds"], answer.Explanation.Rules);
        Assert.True(answer.Permitted.Reserved);
    }

    [Fact]
    public async Task A_forbid_beats_every_other_rule_and_its_reason_goes_to_the_agent()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);

        var answer = await node.Decisions().DecideAsync(tenant.AskRefund(600000));

        Assert.Equal("Above 5,000 EUR refunds are made by hand", answer.Denied.Message);
        Assert.Equal("never-above", answer.Explanation.DecidedBy);
    }

    [Fact]
    public async Task A_forbid_that_cannot_be_evaluated_counts_against_the_call()
    {
        var tenant = await TestTenant.CreateAsync(node, """
            rules:
              - {id: refunds, effect: permit, unattended: true, limits: [few, little], when: {tool: [payments.refund]}}
              - {id: not-this-memo, effect: forbid, when: {tool: [payments.refund], all: [{memo: {eq: forbidden}}]}}
            limits:
              - {id: few, kind: count, key: [tenant], max: 100, window: 1h, onExceed: deny}
              - {id: little, kind: amount, field: amount_minor, key: [tenant], max: 100000, window: 1h, onExceed: deny}
            """);

        var without = await node.Decisions().DecideAsync(tenant.AskRefund(100));
        var with = await node.Decisions().DecideAsync(tenant.AskRefund(100, memo: "fine"));

        Assert.Equal("not-this-memo", without.Explanation.DecidedBy);
        Assert.Equal("POLICY_DENIED", without.Denied.Reason);
        Assert.True(without.Explanation.Degraded);
        Assert.NotNull(with.Permitted);
    }

    [Fact]
    public async Task Money_without_an_unattended_rule_waits_for_the_default_queue()
    {
        var tenant = await TestTenant.CreateAsync(node, """
            rules:
              - {id: refunds, effect: permit, when: {tool: [payments.refund]}}
            """);

        var answer = await node.Decisions().DecideAsync(tenant.AskRefund(100));

        Assert.Equal(["approvers"], answer.NeedsApproval.Groups);
        Assert.Equal("floor", answer.Explanation.DecidedBy);
    }

    [Fact]
    public async Task What_the_workflow_does_not_grant_or_pin_is_denied_by_its_own_reason()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);
        var other = await TestTenant.CreateAsync(node, Policies.Refunds);

        var unlisted = tenant.AskRefund(100);
        unlisted.Tool = "mail.send";
        var swapped = tenant.AskRefund(100);
        swapped.ToolDigest = tenant.DigestOf("crm.get_order").ToString();
        var foreign = tenant.AskRefund(100);
        foreign.Tenant = TestTenant.NewName();
        var misfit = tenant.Ask(TestTenant.Refund, """{"order":"o-1","amount_minor":"100","currency":"EUR"}""");

        Assert.Equal("TOOL_NOT_GRANTED", (await node.Decisions().DecideAsync(unlisted)).Denied.Reason);
        Assert.Equal("TOOL_DEFINITION_CHANGED", (await node.Decisions().DecideAsync(swapped)).Denied.Reason);
        Assert.Equal("WORKFLOW_NOT_FOUND", (await node.Decisions().DecideAsync(foreign)).Denied.Reason);
        Assert.Equal("SCHEMA_MISMATCH", (await node.Decisions().DecideAsync(misfit)).Denied.Reason);
        Assert.NotEqual(tenant.Name, other.Name);
    }

    [Fact]
    public async Task Arguments_in_any_other_bytes_than_the_canonical_ones_are_refused()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);

        foreach (var bytes in (string[])["""{"order": "o-1"}""", """{"a":1,"a":2}""", "{", """{"n":9007199254740993}"""])
        {
            var request = tenant.AskRefund(100);
            request.Arguments = ByteString.CopyFromUtf8(bytes);

            await Refusal.IsAsync(Reason.JsonRefused, node.Decisions().DecideAsync(request));
        }
    }

    [Fact]
    public async Task Only_the_orchestrator_may_ask_for_a_decision()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);

        foreach (var service in (string[])["ingress", "toolrunner", "vault", "audit"])
        {
            var client = new V1.DecisionService.DecisionServiceClient(node.As(service));

            await Refusal.IsAsync(Reason.CallerNotAllowed, client.DecideAsync(tenant.AskRefund(100)));
        }
    }

    internal static ActionDigest DigestOf(V1.DecideRequest request) => ActionDigest.Compute(new ActionDescription
    {
        Tenant = request.Tenant,
        Workflow = request.Workflow,
        WorkflowVersion = ContentDigest.Parse(request.WorkflowVersion),
        Task = new Guid(request.TaskId.Span, bigEndian: true),
        Step = request.Step,
        Tool = request.Tool,
        ToolDigest = ContentDigest.Parse(request.ToolDigest),
        Arguments = CanonicalJson.Parse(request.Arguments.Span),
    });
}
