using Mesh.Errors.V1;

namespace Mesh.Policy.Tests.Approvals;

public sealed class ApprovalTests(PolicyNode node)
{
    [Fact]
    public async Task What_a_person_approved_may_go_once_approved_and_names_the_approval()
    {
        var (tenant, approver, request) = await ArrangeAsync();

        var asked = await node.Decisions().DecideAsync(request);
        var shown = await GetAsync(tenant, approver, asked.NeedsApproval.ApprovalId);
        await ApproveAsync(tenant, approver, asked.NeedsApproval.ApprovalId);
        var answer = await node.Decisions().DecideAsync(request);

        Assert.Equal(["finance"], asked.NeedsApproval.Groups);
        Assert.Equal("""{"amount_minor":9000,"currency":"EUR","order":"o-1"}""", shown.Arguments);
        Assert.Equal("http://127.0.0.1:7390", shown.Target);
        Assert.Equal(DecisionFlowTests.DigestOf(request).ToString(), shown.ActionDigest);
        Assert.Equal(asked.NeedsApproval.ApprovalId, answer.Permitted.ApprovalId);
        Assert.Equal(V1.ApprovalState.Consumed, (await GetAsync(tenant, approver, shown.Id)).State);
    }

    [Fact]
    public async Task Asking_again_while_it_is_pending_makes_no_second_approval()
    {
        var (tenant, approver, request) = await ArrangeAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => node.Decisions().DecideAsync(request).ResponseAsync));

        Assert.Single(answers.Select(a => a.NeedsApproval.ApprovalId).Distinct());
        Assert.Single((await node.Approvals(approver).ListApprovalsAsync(new V1.ListApprovalsRequest { Tenant = tenant.Name })).Approvals);
        Assert.Equal(1L, await node.ScalarAsync<long>($"select count(*) from {PolicyNode.Told} where key = $1", answers[0].NeedsApproval.ApprovalId));
    }

    [Fact]
    public async Task One_changed_byte_after_the_approval_is_another_action()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        var asked = await node.Decisions().DecideAsync(request);
        await ApproveAsync(tenant, approver, asked.NeedsApproval.ApprovalId);

        var other = tenant.AskRefund(9001, task: new Guid(request.TaskId.Span, bigEndian: true));
        var answer = await node.Decisions().DecideAsync(other);

        Assert.NotNull(answer.NeedsApproval);
        Assert.NotEqual(asked.NeedsApproval.ApprovalId, answer.NeedsApproval.ApprovalId);
    }

    [Fact]
    public async Task It_is_used_by_repeats_and_later_dispatches_of_its_action_only()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        var asked = await node.Decisions().DecideAsync(request);
        await ApproveAsync(tenant, approver, asked.NeedsApproval.ApprovalId);

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => node.Decisions().DecideAsync(request).ResponseAsync));
        var again = request.Clone();
        again.Dispatch = 2;
        var second = await node.Decisions().DecideAsync(again);
        var otherTask = await node.Decisions().DecideAsync(tenant.AskRefund(9000));

        Assert.All(answers, a => Assert.Equal(asked.NeedsApproval.ApprovalId, a.Permitted.ApprovalId));
        Assert.Equal(asked.NeedsApproval.ApprovalId, second.Permitted.ApprovalId);
        Assert.NotNull(otherTask.NeedsApproval);
    }

    [Fact]
    public async Task Whoever_decides_second_is_told_who_was_first_and_a_repeat_by_the_first_is_answered()
    {
        var (tenant, first, request) = await ArrangeAsync();
        var second = await tenant.ApproverAsync(TestTenant.NewName());
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        var done = await ApproveAsync(tenant, first, id, "r-1");
        var repeated = await ApproveAsync(tenant, first, id, "r-1");
        var late = await Refusal.OfAsync(node.Approvals(second).DenyApprovalAsync(new V1.DenyApprovalRequest { Tenant = tenant.Name, ApprovalId = id, Reason = "no" }));

        Assert.Equal(done.Etag, repeated.Etag);
        Assert.Equal((Reason.ApprovalDecided, done.DecidedBy, "approved"), (late.Reason, late.Metadata["decided_by"], late.Metadata["decision"]));
        await Refusal.IsAsync(Reason.ApprovalDecided, Call(tenant, first, id, "r-2"));
    }

    [Fact]
    public async Task Of_16_people_who_decide_at_once_one_is_first()
    {
        var (tenant, _, request) = await ArrangeAsync();
        var people = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => tenant.ApproverAsync(TestTenant.NewName())));
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        var outcomes = await Task.WhenAll(people.Select(async person =>
        {
            try
            {
                await ApproveAsync(tenant, person, id);
                return true;
            }
            catch (Grpc.Core.RpcException)
            {
                return false;
            }
        }));

        Assert.Single(outcomes, isFirst => isFirst);
        Assert.Equal(2L, await node.ScalarAsync<long>($"select count(*) from {PolicyNode.Told} where key = $1", id));
    }

    [Fact]
    public async Task Nobody_approves_their_own_request()
    {
        var (tenant, _, _) = await ArrangeAsync();
        var person = TestTenant.NewName();
        var token = await tenant.ApproverAsync(person);
        var id = (await node.Decisions().DecideAsync(tenant.AskRefund(9000, initiator: $"person:{person}"))).NeedsApproval.ApprovalId;

        await Refusal.IsAsync(Reason.SelfApprovalForbidden, Call(tenant, token, id));
    }

    [Fact]
    public async Task Who_is_in_no_named_group_or_lacks_the_role_or_is_no_person_cannot_decide()
    {
        var (tenant, _, request) = await ArrangeAsync();
        var stranger = TestTenant.NewName();
        await TestTenant.CreateAsync(node, name: stranger);
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        var outsider = await tenant.ApproverAsync(TestTenant.NewName(), "marketing");
        var viewer = await node.TokenOfAsync(TestTenant.NewName(), (tenant.Name, "viewer"));
        var elsewhere = await node.TokenOfAsync(TestTenant.NewName(), (stranger, "approver"));
        var robot = TestTenant.NewName();
        var robotToken = await node.TokenOfAsync(robot, V1.Principal.Types.Kind.System, (tenant.Name, "approver"));
        await node.Access(node.AdminToken).AddGroupMemberAsync(new V1.AddGroupMemberRequest { Tenant = tenant.Name, Group = "finance", Principal = robot });

        await Refusal.IsAsync(Reason.ApproverNotInGroup, Call(tenant, outsider, id));
        await Refusal.IsAsync(Reason.ApproverNotInGroup, Call(tenant, node.AdminToken, id));
        await Refusal.IsAsync(Reason.PermissionDenied, Call(tenant, viewer, id));
        await Refusal.IsAsync(Reason.PermissionDenied, Call(tenant, elsewhere, id));
        await Refusal.IsAsync(Reason.PermissionDenied, Call(tenant, robotToken, id));
        await Refusal.IsAsync(Reason.Unauthenticated, Call(tenant, "mesh_nonsense", id));
    }

    [Fact]
    public async Task A_person_whom_only_ingress_vouches_for_cannot_approve()
    {
        var (tenant, _, request) = await ArrangeAsync();
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;
        var claimed = new Grpc.Core.Metadata();
        ServiceHost.PrincipalMetadata.Add(claimed, new ServiceHost.Principal(
            "ceo",
            ServiceHost.PrincipalKind.Person,
            System.Collections.Immutable.ImmutableDictionary<string, System.Collections.Immutable.ImmutableHashSet<string>>.Empty.Add("*", ["admin"]),
            [new ServiceHost.Group(tenant.Name, "finance")],
            "t-1"));
        var client = new V1.ApprovalService.ApprovalServiceClient(node.As("ingress"));

        await Refusal.IsAsync(Reason.Unauthenticated, client.ApproveApprovalAsync(new V1.ApproveApprovalRequest { Tenant = tenant.Name, ApprovalId = id }, claimed));
    }

    [Fact]
    public async Task After_its_time_it_can_neither_be_given_nor_used()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        var unused = tenant.AskRefund(9100);
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;
        var unusedId = (await node.Decisions().DecideAsync(unused)).NeedsApproval.ApprovalId;
        await ApproveAsync(tenant, approver, unusedId);

        await node.ExecuteAsync("update approval set expires_at = clock_timestamp() - interval '1s' where tenant_id = $1", tenant.Name);

        await Refusal.IsAsync(Reason.ApprovalExpired, Call(tenant, approver, id));
        Assert.Equal("APPROVAL_EXPIRED", (await node.Decisions().DecideAsync(request)).Denied.Reason);
        Assert.Equal("APPROVAL_EXPIRED", (await node.Decisions().DecideAsync(unused)).Denied.Reason);
        Assert.Equal(V1.ApprovalState.Expired, (await GetAsync(tenant, approver, id)).State);
    }

    [Fact]
    public async Task After_its_time_nothing_is_signed_for_a_dispatch_that_has_used_it_or_for_the_next()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        await ApproveAsync(tenant, approver, (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId);
        var next = request.Clone();
        next.Dispatch = 2;
        Assert.NotNull((await node.Decisions().DecideAsync(request)).Permitted);

        await node.ExecuteAsync("update approval set expires_at = clock_timestamp() - interval '1s' where tenant_id = $1", tenant.Name);

        foreach (var late in (V1.DecideRequest[])[request, next, request])
        {
            Assert.Equal("APPROVAL_EXPIRED", (await node.Decisions().DecideAsync(late)).Denied?.Reason);
        }
    }

    [Fact]
    public async Task What_nobody_decides_expires_by_itself_and_says_so()
    {
        var (tenant, _, request) = await ArrangeAsync();
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        await node.ExecuteAsync("update approval set expires_at = clock_timestamp() - interval '1s' where tenant_id = $1", tenant.Name);

        await TestKit.Eventually.Async(async () => await node.ScalarAsync<string>("select state from approval where id = $1", Guid.Parse(id)) == "expired");
        Assert.Equal(2L, await node.ScalarAsync<long>($"select count(*) from {PolicyNode.Told} where key = $1", id));
    }

    [Fact]
    public async Task A_denial_stands_and_its_reason_goes_to_the_agent()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        await node.Approvals(approver).DenyApprovalAsync(new V1.DenyApprovalRequest { Tenant = tenant.Name, ApprovalId = id, Reason = "The customer kept the goods" });
        var answer = await node.Decisions().DecideAsync(request);

        Assert.Equal("POLICY_DENIED", answer.Denied.Reason);
        Assert.Contains("The customer kept the goods", answer.Denied.Message, StringComparison.Ordinal);
        await Refusal.IsAsync(Reason.ApprovalDecided, Call(tenant, approver, id));
    }

    [Fact]
    public async Task What_was_tightened_after_the_approval_wins()
    {
        var (tenant, approver, request) = await ArrangeAsync();
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;
        await ApproveAsync(tenant, approver, id);

        await tenant.ActivateAsync(Policies.Refunds.Replace("roles: [finance]", "roles: [board]", StringComparison.Ordinal), version: 2);
        var otherGroup = await node.Decisions().DecideAsync(request);
        await tenant.ActivateAsync(Policies.Refunds.Replace("gt: 500000", "gt: 6000", StringComparison.Ordinal), version: 3);
        var forbidden = await node.Decisions().DecideAsync(request);

        Assert.Equal(["board"], otherGroup.NeedsApproval.Groups);
        Assert.NotEqual(id, otherGroup.NeedsApproval.ApprovalId);
        Assert.Equal("never-above", forbidden.Explanation.DecidedBy);
    }

    [Fact]
    public async Task Another_tenants_approval_is_answered_like_an_absent_one()
    {
        var (_, _, request) = await ArrangeAsync();
        var (other, approver, _) = await ArrangeAsync();
        var id = (await node.Decisions().DecideAsync(request)).NeedsApproval.ApprovalId;

        await Refusal.IsAsync(Reason.ApprovalNotFound, Call(other, approver, id));
        await Refusal.IsAsync(Reason.ApprovalNotFound, node.Approvals(approver).GetApprovalAsync(new V1.GetApprovalRequest { Tenant = other.Name, ApprovalId = id[^8..] }));
    }

    private async Task<(TestTenant Tenant, string Approver, V1.DecideRequest Request)> ArrangeAsync()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Refunds);
        return (tenant, await tenant.ApproverAsync(TestTenant.NewName()), tenant.AskRefund(9000));
    }

    private Grpc.Core.AsyncUnaryCall<V1.ApproveApprovalResponse> Call(TestTenant tenant, string token, string id, string request = "") =>
        node.Approvals(token).ApproveApprovalAsync(new V1.ApproveApprovalRequest { Tenant = tenant.Name, ApprovalId = id, RequestId = request });

    private async Task<V1.Approval> ApproveAsync(TestTenant tenant, string token, string id, string request = "") => (await Call(tenant, token, id, request)).Approval;

    private async Task<V1.Approval> GetAsync(TestTenant tenant, string token, string id) =>
        (await node.Approvals(token).GetApprovalAsync(new V1.GetApprovalRequest { Tenant = tenant.Name, ApprovalId = id })).Approval;
}
