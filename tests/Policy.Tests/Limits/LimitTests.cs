using Google.Protobuf;
using Mesh.Bus;
using Mesh.Bus.Embedded;
using Mesh.Facts.V1;
using Mesh.Policy.Limits;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mesh.Policy.Tests.Limits;

public sealed class LimitTests(PolicyNode node)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_64_calls_at_once_against_a_count_of_10_exactly_10_pass()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 10, amountMax: 1_000_000));

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => node.Decisions().DecideAsync(tenant.AskRefund(100)).ResponseAsync));

        Assert.Equal(10, answers.Count(a => a.Permitted is { Reserved: true }));
        Assert.Equal(54, answers.Count(a => a.Denied?.Reason == "LIMIT_EXCEEDED"));
    }

    [Fact]
    public async Task Of_64_calls_at_once_against_an_amount_exactly_what_fits_passes()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1000, amountMax: 2_550));

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => node.Decisions().DecideAsync(tenant.AskRefund(100)).ResponseAsync));
        var exact = await node.Decisions().DecideAsync(tenant.AskRefund(50));
        var oneMore = await node.Decisions().DecideAsync(tenant.AskRefund(1));

        Assert.Equal(25, answers.Count(a => a.Permitted is not null));
        Assert.NotNull(exact.Permitted);
        Assert.Contains("how-much", oneMore.Denied.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Asking_64_times_about_one_action_takes_once_whatever_the_dispatch()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 2, amountMax: 1_000_000));
        var task = Guid.CreateVersion7();

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(i =>
            node.Decisions().DecideAsync(tenant.AskRefund(100, task: task, dispatch: 1 + (i % 3))).ResponseAsync));

        Assert.All(answers, a => Assert.NotNull(a.Permitted));
        Assert.Equal(1L, await UsedAsync(tenant, 1));
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Denied);
    }

    [Fact]
    public async Task A_call_that_did_nothing_gives_back_what_it_held_once_and_one_that_acted_does_not()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000));
        var first = tenant.AskRefund(100);
        Assert.NotNull((await node.Decisions().DecideAsync(first)).Permitted);

        var outcome = Outcome(tenant, first, isPerformed: false);
        await TellAsync(outcome);
        await Eventually.Async(async () => await UsedAsync(tenant, 1) == 0);
        await TellAsync(outcome);

        var second = tenant.AskRefund(100);
        Assert.NotNull((await node.Decisions().DecideAsync(second)).Permitted);
        await TellAsync(Outcome(tenant, second, isPerformed: true));
        await Eventually.Async(async () => await node.ScalarAsync<long>("select count(*) from reservation where tenant_id = $1 and state = 'kept'", tenant.Name) == 2);

        // Late and contradictory: what acted stays counted.
        await TellAsync(Outcome(tenant, second, isPerformed: false));
        var third = await node.Decisions().DecideAsync(tenant.AskRefund(100));
        Assert.NotNull(third.Denied);
        Assert.Equal(1L, await UsedAsync(tenant, 1));
    }

    [Fact]
    public async Task A_used_up_limit_that_wants_a_person_asks_one_and_the_approved_call_counts_too()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 100, amountMax: 150, onExceed: "require_approval"));
        var approver = await tenant.ApproverAsync(TestTenant.NewName());
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Permitted);

        var request = tenant.AskRefund(100);
        var asked = await node.Decisions().DecideAsync(request);
        await node.Approvals(approver).ApproveApprovalAsync(new V1.ApproveApprovalRequest { Tenant = tenant.Name, ApprovalId = asked.NeedsApproval.ApprovalId });
        var answer = await node.Decisions().DecideAsync(request);

        Assert.Equal(asked.NeedsApproval.ApprovalId, answer.Permitted.ApprovalId);
        Assert.Equal(200L, await UsedAsync(tenant, 100));
    }

    [Fact]
    public async Task What_was_counted_leaves_with_its_window()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000));
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Denied);

        await node.ExecuteAsync("update limit_bucket set starts_at = starts_at - interval '2h', ends_at = ends_at - interval '2h' where tenant_id = $1 and used = 1", tenant.Name);

        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Permitted);
    }

    [Fact]
    public async Task A_call_that_is_dispatched_again_later_counts_in_the_window_of_that_dispatch_or_is_refused()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 2, amountMax: 1_000_000));
        var (moved, refused) = (tenant.AskRefund(100), tenant.AskRefund(200));
        Assert.NotNull((await node.Decisions().DecideAsync(moved)).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(refused)).Permitted);
        await AnHourPassesAsync(tenant);

        // One more, and then the first again: the window of now is full.
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(300))).Permitted);
        (moved.Dispatch, refused.Dispatch) = (2, 2);
        Assert.NotNull((await node.Decisions().DecideAsync(moved)).Permitted);
        Assert.Equal("LIMIT_EXCEEDED", (await node.Decisions().DecideAsync(refused)).Denied?.Reason);
        Assert.Equal("LIMIT_EXCEEDED", (await node.Decisions().DecideAsync(tenant.AskRefund(400))).Denied?.Reason);

        // Repeated, it is not counted again; and what moved is not left behind.
        Assert.NotNull((await node.Decisions().DecideAsync(moved)).Permitted);
        Assert.Equal(3L, await CallsCountedAsync(tenant));
    }

    [Fact]
    public async Task Of_64_calls_dispatched_again_at_once_in_a_later_window_exactly_10_pass()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 10, amountMax: 1_000_000));
        var requests = new List<V1.DecideRequest>();

        for (var hour = 0; hour < 4; hour++)
        {
            var wave = Enumerable.Range(0, 10).Select(_ => tenant.AskRefund(100)).ToArray();
            Assert.All(await Task.WhenAll(wave.Select(request => node.Decisions().DecideAsync(request).ResponseAsync)), answer => Assert.NotNull(answer.Permitted));
            requests.AddRange(wave);
            await AnHourPassesAsync(tenant);
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(n =>
        {
            var again = requests[n % requests.Count].Clone();
            again.Dispatch = 2;
            return node.Decisions().DecideAsync(again).ResponseAsync;
        }));

        // Some were asked about twice: the same dispatch is one call.
        Assert.Equal(10, answers.Select((answer, n) => (answer, n)).Where(x => x.answer.Permitted is not null).Select(x => x.n % requests.Count).Distinct().Count());
        Assert.Equal(40L, await CallsCountedAsync(tenant));
    }

    [Fact]
    public async Task News_that_came_for_another_tenant_releases_nothing_and_is_parked()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000));
        var other = await TestTenant.CreateAsync(node);
        var asked = tenant.AskRefund(100);
        Assert.NotNull((await node.Decisions().DecideAsync(asked)).Permitted);

        var forged = await SendAsync(other.Name, Outcome(tenant, asked, isPerformed: false));

        await Eventually.Async(async () => await node.ScalarAsync<bool>("select exists (select from bus.message where id = $1 and state = 2 and error like '%another tenant%')", forged));
        Assert.Equal(1L, await UsedAsync(tenant, 1));
    }

    [Fact]
    public async Task News_of_an_earlier_dispatch_does_not_release_what_a_later_one_holds()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000));
        var first = tenant.AskRefund(100);
        var second = first.Clone();
        second.Dispatch = 2;
        Assert.NotNull((await node.Decisions().DecideAsync(first)).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(second)).Permitted);

        await TellAsync(Outcome(tenant, first, isPerformed: false));

        Assert.Equal("LIMIT_EXCEEDED", (await node.Decisions().DecideAsync(tenant.AskRefund(100))).Denied?.Reason);
        await TellAsync(Outcome(tenant, second, isPerformed: false));
        Assert.NotNull((await node.Decisions().DecideAsync(tenant.AskRefund(100))).Permitted);
    }

    [Fact]
    public async Task Calls_that_end_together_lock_their_counters_in_the_order_in_which_decisions_do()
    {
        // A counter of each currency and one of all: that of all must not come first, or every order is a good one.
        var (tenant, euro, dollar, first) = (default(TestTenant)!, default(V1.DecideRequest)!, default(V1.DecideRequest)!, default(byte[])!);

        do
        {
            tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 10, amountMax: 1_000_000));
            (euro, dollar) = (tenant.AskRefund(100), tenant.AskRefund(100, currency: "USD"));
            Assert.NotNull((await node.Decisions().DecideAsync(euro)).Permitted);
            Assert.NotNull((await node.Decisions().DecideAsync(dollar)).Permitted);
            first = await node.ScalarAsync<byte[]>("select counter from limit_counter where tenant_id = $1 order by counter limit 1", tenant.Name);
        }
        while (await node.ScalarAsync<long>("select count(*) from reservation where tenant_id = $1 and counter = $2", tenant.Name, first) == 2);

        var isOfEuro = await node.ScalarAsync<bool>(
            "select exists (select from reservation where tenant_id = $1 and counter = $2 and action_digest = $3)", tenant.Name, first, DecisionFlowTests.DigestOf(euro).Hash.ToArray());
        Envelope[] page = [.. ((V1.DecideRequest[])(isOfEuro ? [dollar, euro] : [euro, dollar])).Select(request => MessageOf(tenant.Name, Outcome(tenant, request, isPerformed: true)))];
        await using var decision = await node.Store.OpenConnectionAsync(Stop);
        await using var deciding = await decision.BeginTransactionAsync(Stop);
        await using (var begun = new NpgsqlCommand("select from limit_counter where tenant_id = $1 and counter = $2 for update", decision))
        {
            begun.Parameters.Add(new() { Value = tenant.Name });
            begun.Parameters.Add(new() { Value = first });
            await begun.ExecuteNonQueryAsync(Stop);
        }

        await using var consumer = await node.Store.OpenConnectionAsync(Stop);
        await using var effect = await consumer.BeginTransactionAsync(Stop);
        var settled = new CallOutcomes().HandleAsync(page, effect, Stop);
        await Eventually.Async(async () => await node.ScalarAsync<bool>(
            "select exists (select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock')", consumer.ProcessID));

        // The decision goes on to its other counters, and ends.
        await using (var rest = new NpgsqlCommand("select count(*) from (select from limit_counter where tenant_id = $1 for update) l", decision))
        {
            rest.Parameters.Add(new() { Value = tenant.Name });
            await rest.ExecuteScalarAsync(Stop);
        }

        await deciding.CommitAsync(Stop);
        await settled;
        await effect.CommitAsync(Stop);
        Assert.Equal(4L, await node.ScalarAsync<long>("select count(*) from reservation where tenant_id = $1 and state = 'kept'", tenant.Name));
    }

    [Fact]
    public async Task A_counter_that_no_window_can_reach_is_forgotten_and_begins_anew_and_one_in_use_is_not()
    {
        var (idle, busy) = (await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000)), await TestTenant.CreateAsync(node, Policies.Limited(countMax: 1, amountMax: 1_000_000)));
        Assert.NotNull((await node.Decisions().DecideAsync(idle.AskRefund(100))).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(busy.AskRefund(100))).Permitted);
        await node.ExecuteAsync("update limit_counter set used_at = used_at - interval '32 days' where tenant_id = $1", idle.Name);
        await node.ExecuteAsync("update limit_bucket set forgotten_at = clock_timestamp() - interval '1s' where tenant_id = $1", idle.Name);
        await node.ExecuteAsync("update reservation set forgotten_at = clock_timestamp() - interval '1s' where tenant_id = $1", idle.Name);

        // Two counters of the idle tenant, a bucket and a reservation of each.
        Assert.True(await LimitCounters.TrimAsync(node.Store, Stop) >= 6);

        Assert.Equal(0L, await CountersAsync(idle));
        Assert.Equal(2L, await CountersAsync(busy));
        Assert.NotNull((await node.Decisions().DecideAsync(idle.AskRefund(100))).Permitted);
        Assert.NotNull((await node.Decisions().DecideAsync(busy.AskRefund(100))).Denied);
        Assert.Equal(2L, await CountersAsync(idle));
    }

    [Fact]
    public async Task Counters_that_are_forgotten_again_and_again_while_64_decide_still_let_exactly_10_pass()
    {
        var tenant = await TestTenant.CreateAsync(node, Policies.Limited(countMax: 10, amountMax: 1_000_000));
        using var decided = new CancellationTokenSource();
        var forgetting = Task.Run(async () =>
        {
            while (!decided.IsCancellationRequested)
            {
                await node.ExecuteAsync("delete from limit_counter where tenant_id = $1", tenant.Name);
            }
        });

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => node.Decisions().DecideAsync(tenant.AskRefund(100)).ResponseAsync));
        await decided.CancelAsync();
        await forgetting;

        Assert.Equal(10, answers.Count(a => a.Permitted is not null));
    }

    [Fact]
    public async Task Killed_after_it_took_and_before_it_answered_it_takes_nothing_twice()
    {
        await using var own = new PolicyNode();
        await own.InitializeAsync();
        var tenant = await TestTenant.CreateAsync(own, Policies.Limited(countMax: 1, amountMax: 1_000_000));
        var request = tenant.AskRefund(100);

        // Killed as soon as the reservation can be seen, whether the answer is out or not.
        var lost = own.Decisions().DecideAsync(request).ResponseAsync;
        await Eventually.Async(async () => await own.ScalarAsync<long>("select count(*) from reservation where tenant_id = $1", tenant.Name) > 0);
        await own.First.KillAsync();
        await Task.WhenAny(lost);
        await own.First.StartAsync();
        var answer = await own.Decisions().DecideAsync(request);
        var other = await own.Decisions().DecideAsync(tenant.AskRefund(100));

        Assert.NotNull(answer.Permitted);
        Assert.Equal("LIMIT_EXCEEDED", other.Denied.Reason);
    }

    // The clock of a limit is the store's: what is counted moves into the past instead.
    private async Task AnHourPassesAsync(TestTenant tenant)
    {
        foreach (var sql in (string[])
        [
            // By a leap and back: a bucket that moves to where another one still is would be refused in the middle of the statement.
            "update limit_bucket set starts_at = starts_at - interval '1000d', ends_at = ends_at - interval '1000d' where tenant_id = $1",
            "update limit_bucket set starts_at = starts_at + interval '1000d' - interval '61m', ends_at = ends_at + interval '1000d' - interval '61m' where tenant_id = $1",
            "update reservation set bucket_starts_at = bucket_starts_at - interval '61m', bucket_ends_at = bucket_ends_at - interval '61m' where tenant_id = $1",
        ])
        {
            await node.ExecuteAsync(sql, tenant.Name);
        }
    }

    private Task<long> CountersAsync(TestTenant tenant) => node.ScalarAsync<long>("select count(*) from limit_counter where tenant_id = $1", tenant.Name);

    private Task<long> CallsCountedAsync(TestTenant tenant) => node.ScalarAsync<long>(
        "select sum(used)::bigint from limit_bucket where tenant_id = $1 and counter in (select counter from reservation where tenant_id = $1 and amount = 1)",
        tenant.Name);

    private static CallOutcome Outcome(TestTenant tenant, V1.DecideRequest request, bool isPerformed) => new()
    {
        Tenant = tenant.Name,
        ActionDigest = ByteString.CopyFrom(DecisionFlowTests.DigestOf(request).Hash.ToArray()),
        Performed = isPerformed,
        Dispatch = request.Dispatch,
    };

    private async Task TellAsync(CallOutcome outcome)
    {
        var message = await SendAsync(outcome.Tenant, outcome);
        await Eventually.Async(async () => await node.ScalarAsync<bool>("select exists (select from inbox where message_id = $1)", message));
    }

    private static Envelope MessageOf(string tenant, CallOutcome outcome) =>
        new(Guid.CreateVersion7(), tenant, "call", 1, CallOutcome.Descriptor.FullName, null, outcome.ToByteArray());

    private async Task<Guid> SendAsync(string tenant, CallOutcome outcome)
    {
        var message = MessageOf(tenant, outcome);
        await using var bus = new EmbeddedBus(node.Connection, RetryPauses.Default, NullLoggerFactory.Instance);
        Assert.Contains(message.Id, await bus.SendAsync([message], Stop));

        return message.Id;
    }

    // The counter of a test is told by what one call takes from it.
    private Task<long> UsedAsync(TestTenant tenant, long amount) => node.ScalarAsync<long>(
        """
        select coalesce(sum(b.used), 0)::bigint from limit_bucket b
        where b.tenant_id = $1 and b.counter in (select counter from reservation where tenant_id = $1 and amount = $2)
        """,
        tenant.Name,
        amount);
}
