using System.Net;
using System.Net.Sockets;
using System.Text;
using EndToEnd.Tests.Fixture;
using Grpc.Core;
using Mesh.Integrity;
using Mesh.Toolrunner.V1;
using Mesh.Vault.V1;

namespace EndToEnd.Tests.Custody;

/// <summary>Somebody has the orchestrator's certificate, and asks for what policy did not allow or audit did not log.</summary>
[Collection(nameof(Together))]
public sealed class LyingOrchestratorTests(AttackedMesh mesh)
{
    private readonly OrchestratorsSeat seat = new(mesh.As("orchestrator").To);

    [Fact]
    public async Task With_three_honest_tickets_the_call_goes_through_so_every_refusal_here_has_another_cause()
    {
        var attempt = await AttemptAsync();

        var report = await seat.RunAsync(attempt, await seat.CollectAsync(attempt));

        Assert.Equal(CallReport.Types.Outcome.Succeeded, report.Outcome);
        Assert.Contains("[credential]", report.Value.ToStringUtf8(), StringComparison.Ordinal);
        Assert.Empty(mesh.Secret.FormsIn(report.Value.Span));
    }

    [Fact]
    public async Task Another_base_url_at_the_tool_runner_gets_no_credential_and_no_connection()
    {
        using var attacker = new TcpListener(IPAddress.Loopback, 0);
        attacker.Start();
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);
        var elsewhere = Changed(attempt.IntegrationSpec, $"127.0.0.1:{mesh.Shop.Address.Port}", $"127.0.0.1:{((IPEndPoint)attacker.LocalEndpoint).Port}");

        var report = await seat.RunAsync(attempt with { IntegrationSpec = elsewhere }, tickets);

        AssertNothingSent(report);
        Assert.False(attacker.Pending());
    }

    [Fact]
    public async Task Another_path_or_a_lower_class_at_the_tool_runner_is_another_action()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);

        AssertNothingSent(await seat.RunAsync(attempt with { ToolSpec = Changed(attempt.ToolSpec, "/echo", "/v1/refunds") }, tickets));
        AssertNothingSent(await seat.RunAsync(attempt with { ToolSpec = Changed(attempt.ToolSpec, "write", "read") }, tickets));
    }

    [Fact]
    public async Task Policy_judges_by_its_own_copy_of_the_tool_and_by_no_other()
    {
        var attempt = await AttemptAsync();

        var lowered = await seat.DecideAsync(attempt with { ToolSpec = Changed(attempt.ToolSpec, "write", "read") });
        var ungranted = await seat.DecideAsync(await AttemptAsync() with { Tool = "safe.open" });

        Assert.Equal("TOOL_DEFINITION_CHANGED", lowered.Denied?.Reason);
        Assert.Equal("TOOL_NOT_GRANTED", ungranted.Denied?.Reason);
    }

    [Fact]
    public async Task Another_tenants_secret_is_not_for_the_tickets_of_this_one()
    {
        var ours = await AttemptAsync();
        var tickets = await seat.CollectAsync(ours);
        var (tool, integration) = mesh.Manifests.SpecsOf(AttackedMesh.Globex, "safe.open");
        var theirs = ours with { Tenant = AttackedMesh.Globex, Version = await mesh.ProbeVersionAsync(AttackedMesh.Globex), Tool = "safe.open", ToolSpec = tool, IntegrationSpec = integration };

        AssertNothingSent(await seat.RunAsync(theirs, tickets));
        AssertNothingSent(await seat.RunAsync(ours with { Tenant = AttackedMesh.Globex }, tickets));

        // A lease of theirs does not help either: the decision names whose secret it is.
        AssertNothingSent(await seat.RunAsync(ours, tickets with { Lease = await seat.LeaseAsync(theirs) }));
    }

    [Fact]
    public async Task Other_arguments_than_those_that_were_decided_are_not_sent()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);

        AssertNothingSent(await seat.RunAsync(attempt with { Arguments = CanonicalJson.Parse("""{"amount":1}"""u8) }, tickets));
    }

    [Fact]
    public async Task A_receipt_works_once_also_with_a_new_lease()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);
        await seat.RunAsync(attempt, tickets);

        // By the vault itself: the runner would answer from what it remembers.
        var again = tickets with { Lease = await seat.LeaseAsync(attempt) };

        Assert.Equal("RECEIPT_USED", await ReasonAsync(attempt, again));
    }

    [Fact]
    public async Task One_dispatch_is_redeemed_once_whatever_epoch_or_purpose_its_tickets_name()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);
        var later = attempt with { Epoch = attempt.Epoch + 1 };

        // Neither a probe nor another epoch makes the log announce the dispatch again, so there is no second receipt.
        Assert.Equal("INTENT_DIFFERS", await ReasonOfAsync(() => seat.AppendAsync(attempt with { Purpose = TicketPurpose.Probe }, tickets.Decision)));
        var decision = await seat.PermitAsync(later);
        Assert.Equal("INTENT_DIFFERS", await ReasonOfAsync(() => seat.AppendAsync(later, decision)));

        // Nor does another lease and another decision.
        var again = tickets with { Decision = await seat.PermitAsync(attempt), Lease = await seat.LeaseAsync(attempt) };
        Assert.Null(await ReasonAsync(attempt, tickets));
        Assert.Equal("RECEIPT_USED", await ReasonAsync(attempt, again));
    }

    [Fact]
    public async Task A_receipt_for_a_probe_does_not_let_the_call_be_performed()
    {
        var probe = await AttemptAsync() with { Purpose = TicketPurpose.Probe };
        var tickets = await seat.CollectAsync(probe);

        var report = await seat.RunAsync(probe, tickets);

        Assert.Equal((CallReport.Types.Outcome.NotSent, "RECEIPT_INVALID"), (report.Outcome, report.Reason));
        Assert.Equal("RECEIPT_INVALID", await ReasonAsync(probe, tickets));
    }

    [Fact]
    public async Task The_log_takes_no_intent_that_says_something_else_than_policy_decided()
    {
        var attempt = await AttemptAsync();
        var decision = await seat.PermitAsync(attempt);
        var foreign = await seat.PermitAsync(await AttemptAsync());
        var lies = new (Attempt Attempt, Google.Protobuf.ByteString Decision)[]
        {
            (attempt with { Tool = "crm.get_order" }, decision),
            (attempt with { Class = "read" }, decision),
            (attempt with { Dispatch = 2 }, decision),
            (attempt with { Epoch = 2 }, decision),
            (attempt, foreign),
            (attempt, Google.Protobuf.ByteString.CopyFromUtf8("garbage")),
        };

        foreach (var lie in lies)
        {
            Assert.Equal("DECISION_INVALID", await ReasonOfAsync(() => seat.AppendAsync(lie.Attempt, lie.Decision)));
        }

        // Nothing of them was recorded: the honest one is the first of its dispatch.
        await seat.AppendAsync(attempt, decision);
    }

    [Fact]
    public async Task Old_tickets_are_not_for_the_next_dispatch()
    {
        var first = await AttemptAsync();
        var second = first with { Dispatch = 2 };
        var old = await seat.CollectAsync(first);
        var fresh = await seat.CollectAsync(second);

        Assert.Equal("RECEIPT_INVALID", await ReasonAsync(second, fresh with { Receipt = old.Receipt }));
        Assert.Equal("DECISION_INVALID", await ReasonAsync(second, fresh with { Decision = old.Decision }));
        Assert.Equal("LEASE_MISMATCH", await ReasonAsync(second, fresh with { Lease = old.Lease }));
        Assert.Null(await ReasonAsync(second, fresh));
    }

    [Fact]
    public async Task An_intent_does_not_enter_another_tenants_log()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);

        // There, those whom it concerns would never see it.
        Assert.Equal("DECISION_INVALID", await ReasonOfAsync(() => seat.AppendAsync(attempt, tickets.Decision, log: AttackedMesh.Globex)));
        Assert.Null(await ReasonAsync(attempt, tickets));
    }

    [Fact]
    public async Task Nothing_but_policy_signs_decisions_and_nothing_but_audit_signs_receipts()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);

        Assert.Equal("DECISION_INVALID", await ReasonAsync(attempt, tickets with { Decision = tickets.Receipt }));
        Assert.Equal("RECEIPT_INVALID", await ReasonAsync(attempt, tickets with { Receipt = tickets.Decision }));
        Assert.Equal("RECEIPT_INVALID", await ReasonAsync(attempt, tickets with { Receipt = Google.Protobuf.ByteString.Empty }));
        Assert.Null(await ReasonAsync(attempt, tickets));
    }

    [Fact]
    public async Task The_orchestrator_cannot_redeem_and_the_tool_runner_can_get_no_ticket()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);
        var runner = new OrchestratorsSeat(mesh.As("toolrunner").To);

        Assert.Equal("CALLER_NOT_ALLOWED", await ReasonAsync(attempt, tickets, "orchestrator"));
        Assert.Equal("CALLER_NOT_ALLOWED", await ReasonOfAsync(() => runner.DecideAsync(attempt)));
        Assert.Equal("CALLER_NOT_ALLOWED", await ReasonOfAsync(() => runner.AppendAsync(attempt, tickets.Decision)));
        Assert.Equal("CALLER_NOT_ALLOWED", await ReasonOfAsync(() => runner.LeaseAsync(attempt)));

        // The refused ones have not burnt it.
        Assert.Null(await ReasonAsync(attempt, tickets));
    }

    [Fact]
    public async Task A_fenced_task_gets_no_credential_for_what_it_collected_before()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);

        await seat.FenceAsync(attempt, attempt.Epoch + 1);

        Assert.Equal("FENCED", await ReasonAsync(attempt, tickets));
    }

    [Fact]
    public async Task A_thousand_racers_for_one_lease_get_one_credential()
    {
        var attempt = await AttemptAsync();
        var tickets = await seat.CollectAsync(attempt);
        var vault = new LeaseService.LeaseServiceClient(mesh.As("toolrunner").To("vault"));
        using var start = new SemaphoreSlim(0);

        var racers = Enumerable.Range(0, 1_000).Select(async _ =>
        {
            await start.WaitAsync();

            try
            {
                var answer = await vault.RedeemLeaseAsync(attempt.ToRedeem(tickets), deadline: DateTime.UtcNow.AddSeconds(60));
                return answer.Credential.ToStringUtf8();
            }
            catch (RpcException refusal)
            {
                return Refusal.ReasonOf(refusal);
            }
        }).ToArray();
        start.Release(racers.Length);
        var outcomes = (await Task.WhenAll(racers)).CountBy(outcome => outcome).ToDictionary();

        Assert.Equal(1, outcomes[mesh.Secret.Value]);
        Assert.Equal(999, outcomes["LEASE_USED"]);
    }

    private static void AssertNothingSent(CallReport report)
    {
        Assert.Equal(CallReport.Types.Outcome.NotSent, report.Outcome);
        Assert.Contains(report.Reason, (string[])["LEASE_MISMATCH", "DECISION_INVALID", "TOOL_DEFINITION_CHANGED"]);
    }

    private static NamedSpec Changed(NamedSpec spec, string from, string to)
    {
        var text = Encoding.UTF8.GetString(spec.Spec.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return spec with { Spec = CanonicalJson.Parse(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal))) };
    }

    private static async Task<string> ReasonOfAsync(Func<Task> call) => Refusal.ReasonOf(await Assert.ThrowsAsync<RpcException>(call));

    // Null when the credential was handed over.
    private async Task<string?> ReasonAsync(Attempt attempt, Tickets tickets, string caller = "toolrunner")
    {
        try
        {
            var vault = new LeaseService.LeaseServiceClient(mesh.As(caller).To("vault"));
            var answer = await vault.RedeemLeaseAsync(attempt.ToRedeem(tickets), deadline: DateTime.UtcNow.AddSeconds(20));
            Assert.Equal(mesh.Secret.Value, answer.Credential.ToStringUtf8());
            return null;
        }
        catch (RpcException refusal)
        {
            return Refusal.ReasonOf(refusal);
        }
    }

    private async Task<Attempt> AttemptAsync()
    {
        var (tool, integration) = mesh.Manifests.SpecsOf(RefundMesh.Acme, AttackManifests.Raw);
        return new Attempt
        {
            Tenant = RefundMesh.Acme,
            Version = await mesh.ProbeVersionAsync(RefundMesh.Acme),
            Tool = AttackManifests.Raw,
            ToolSpec = tool,
            IntegrationSpec = integration,
        };
    }
}
