using System.Globalization;
using System.Text;
using System.Text.Json;
using EndToEnd.Tests.Custody;
using EndToEnd.Tests.Fixture;
using Mesh.Orchestrator.V1;
using Mesh.TestKit;

namespace Crash.Tests;

/// <summary>What must hold of a task that went through a crash, by what the shop, the journal, the vault's leases and the log say.</summary>
internal sealed class Guarantees
{
    private const string Refund = "payments.refund#0";

    // The sample's policy: above it a person is asked, and then no limit counts the refund.
    private const long UnattendedMax = 5_000;

    private static readonly string[] NeedClaim = ["StepRecorded", "CallRequested", "CallDispatched", "TaskFinished"];

    private readonly CrashMesh mesh;
    private readonly string task;
    private readonly string order;
    private readonly IReadOnlyList<TaskEvent> events;
    private readonly ShopLog shop;
    private readonly string story;

    private Guarantees(CrashMesh mesh, string task, string order, IReadOnlyList<TaskEvent> events, ShopLog shop, string story)
    {
        this.mesh = mesh;
        this.task = task;
        this.order = order;
        this.events = events;
        this.shop = shop;
        this.story = story;
    }

    /// <summary>Asserts all of them; call when the task has ended and the log has all its facts.</summary>
    public static async Task AssertAsync(CrashMesh mesh, string task, string order)
    {
        var guarantees = new Guarantees(mesh, task, order, await mesh.EventsAsync(task), await mesh.LogOfAsync(order), await mesh.StoryAsync(task));

        // What was told twice has been told twice by now, and what was not told is missing.
        await mesh.QuietAsync();
        await guarantees.TheWebhookIsOneTaskAsync();
        guarantees.RecordedStepsNeverRunAgain();
        await mesh.AssertEachWriteWasLoggedFirstAsync(task, guarantees.shop);
        guarantees.WhatMayNotBeRepeatedIsSentOnce();
        await guarantees.NobodyElseHasACredentialAsync();
        await guarantees.ALeaseWorksOnceAsync();
        await guarantees.AnApprovalWakesOnceAsync();
        guarantees.AReplacedClaimDoesNothing();
        await guarantees.EachLimitIsChargedOnceAsync();
        await mesh.AssertVerifiesAsync();
    }

    private bool NeededApproval => shop.Refunds.Single().GetProperty("request").GetProperty("amount_minor").GetInt64() > UnattendedMax;

    // G12.
    private async Task TheWebhookIsOneTaskAsync() => Assert.Equal([task], await mesh.TasksOfAsync(order));

    // G2.
    private void RecordedStepsNeverRunAgain()
    {
        // The agent says when it runs its step. Once one run of it is recorded, there is no other.
        var recorded = Assert.Single(Of("StepRecorded")).Time.ToDateTimeOffset();
        var runs = Directory.EnumerateFiles(Path.Combine(mesh.Node.Data, "logs"), "*refund-request*", SearchOption.AllDirectories)
            .SelectMany(file => Encoding.UTF8.GetString(Read(file)).Split('\n'))
            .Where(line => line.Contains($"Drafting the mail for order {order}.", StringComparison.Ordinal))
            .Select(line => DateTimeOffset.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture))
            .ToList();
        Assert.NotEmpty(runs);
        Assert.All(runs, run => Assert.True(run <= recorded.AddMilliseconds(1), story));
        Assert.Equal(["crm.get_order#0", Refund, "mail.send#0"], Of("CallSettled").Where(IsKnown).Select(entry => entry.Step));

        foreach (var settled in Of("CallSettled").Where(IsKnown))
        {
            Assert.True(events.All(entry => entry.Step != settled.Step || entry.Seq <= settled.Seq), story);
        }

        // The shop's clock is ours. Nothing was asked of it after its answer was recorded.
        foreach (var (step, path) in ((string, string)[])[("crm.get_order#0", "/v1/orders"), (Refund, "/v1/refunds"), ("mail.send#0", "/v1/mails")])
        {
            var settled = Of("CallSettled").Single(entry => entry.Step == step && IsKnown(entry)).Time.ToDateTimeOffset();
            var asked = shop.Requests.Where(request => request.GetProperty("path").GetString()!.StartsWith(path, StringComparison.Ordinal));
            Assert.All(asked, request => Assert.True(request.GetProperty("at").GetDateTimeOffset() <= settled.AddMilliseconds(1), story));
        }
    }

    // G4. The mail may be repeated; the shop keeps one for each key.
    private void WhatMayNotBeRepeatedIsSentOnce()
    {
        Assert.True(shop.Asked("POST", "/v1/refunds") == 1, story);
        Assert.Single(shop.Refunds);
        Assert.Single(shop.Mails);
    }

    // G7.
    private async Task NobodyElseHasACredentialAsync()
    {
        var remains = new Remains(mesh.Node, mesh.Store);
        var rows = new List<(string, byte[])>();

        await foreach (var row in remains.RowsAsync())
        {
            rows.Add(row);
        }

        var said = Directory.EnumerateFiles(Path.Combine(mesh.Node.Data, "logs"), "*", SearchOption.AllDirectories).Select(file => ($"file {file}", Read(file)));
        var agent = await mesh.AgentPidAsync();

        // The search finds what is there.
        Assert.NotEmpty(Remains.Find(new Canary(order), rows));

        foreach (var secret in (string[])[RefundShop.CrmToken, RefundShop.PaymentsToken, RefundShop.MailToken])
        {
            var canary = new Canary(secret);
            Assert.Empty(Remains.Find(canary, rows));
            Assert.Empty(Remains.Find(canary, said));
            Assert.Empty(Remains.Find(canary, [("the launcher's output", Encoding.UTF8.GetBytes(mesh.Node.Output))]));
            Assert.Empty(Remains.Find(canary, Remains.Process(agent)));
        }
    }

    // G8. What the shop was asked for, it was asked with a credential; each of them was redeemed, and for one dispatch once.
    private async Task ALeaseWorksOnceAsync()
    {
        var redeemed = new Dictionary<string, int>();
        await using var command = mesh.Store.CreateCommand(
            "select encode(action_digest, 'hex'), dispatch, count(*)::int from vault.lease where task_id = $1 and state = 1 group by 1, 2");
        command.Parameters.AddWithValue(Guid.Parse(task));

        await using (var rows = await command.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                Assert.True(rows.GetInt32(2) == 1, story);
                redeemed[rows.GetString(0)] = redeemed.GetValueOrDefault(rows.GetString(0)) + 1;
            }
        }

        foreach (var asked in shop.Requests.Where(request => request.GetProperty("method").GetString() == "POST").CountBy(request => request.GetProperty("idempotency_key").GetString()!))
        {
            Assert.True(asked.Value <= redeemed.GetValueOrDefault(asked.Key), $"{asked.Key} was asked for {asked.Value} times: {story}");
        }

        Assert.True(shop.Requests.Count <= redeemed.Values.Sum(), story);

        // And every one of them is in the log, once.
        await Eventually.Async(async () => (await RedemptionsAsync()).Count >= redeemed.Values.Sum(), TimeSpan.FromSeconds(60));
        var logged = await RedemptionsAsync();
        Assert.Equal(redeemed.Values.Sum(), logged.Distinct().Count());
        Assert.Equal(logged.Count, logged.Distinct().Count());
    }

    // G6, as far as a crash can touch it: policy's facts are in the log, each once, and wake the task once.
    private async Task AnApprovalWakesOnceAsync()
    {
        string[] facts = NeededApproval ? ["ApprovalDecided", "ApprovalRequested"] : [];
        await Eventually.Async(async () => (await ApprovalFactsAsync()).Count >= facts.Length, TimeSpan.FromSeconds(60));
        Assert.Equal(facts, await ApprovalFactsAsync());
        Assert.Equal(Of("TaskParked").Count(), Of("TaskResumed").Count());
    }

    // G14, by what policy's tables say.
    private async Task EachLimitIsChargedOnceAsync()
    {
        var amount = shop.Refunds.Single().GetProperty("request").GetProperty("amount_minor").GetInt64();
        (string, long, string)[] kept = NeededApproval ? [("mail.send#0", 1, "kept")] : [("mail.send#0", 1, "kept"), (Refund, 1, "kept"), (Refund, amount, "kept")];

        // How a call ended comes over the bus.
        await Eventually.Async(async () => (await ChargesAsync()).All(charge => charge.State != "reserved"), TimeSpan.FromSeconds(60));
        Assert.Equal(kept, await ChargesAsync());

        // A bucket counts what is charged to it, of every task until now, and nothing else.
        await using var command = mesh.Store.CreateCommand(
            """
            select count(*)::int from policy.limit_bucket b where b.used <>
                (select coalesce(sum(r.amount), 0) from policy.reservation r
                 where r.tenant_id = b.tenant_id and r.counter = b.counter and r.bucket_starts_at = b.starts_at and r.bucket_ends_at = b.ends_at and r.state <> 'released')
            """);
        Assert.Equal(0, await command.ExecuteScalarAsync());
    }

    // G13.
    private void AReplacedClaimDoesNothing()
    {
        var holder = 0L;
        var dispatched = new Dictionary<string, double>();

        foreach (var entry in events)
        {
            if (entry.Kind == "TaskClaimed")
            {
                Assert.True(entry.Epoch > holder, story);
                holder = entry.Epoch;
            }

            Assert.True(entry.Epoch == holder || !NeedClaim.Contains(entry.Kind), story);

            if (entry.Kind == "CallDispatched")
            {
                dispatched[entry.Step] = entry.Fields.Fields["dispatch"].NumberValue;
            }

            // A settlement is of the dispatch that stands, whoever brings it.
            if (entry.Kind is "CallSettled" or "CallNotSent" or "CallInterrupted")
            {
                Assert.True(entry.Fields.Fields["dispatch"].NumberValue == dispatched[entry.Step], story);
            }
        }

        Assert.Single(Of("TaskFinished"));
    }

    private async Task<List<string>> RedemptionsAsync() =>
        [.. (await mesh.LoggedAsync(task)).Where(entry => entry.Kind == "LeaseRedeemed").Select(entry => JsonSerializer.Deserialize<JsonElement>(entry.Leaf.Span).GetProperty("lease_id").GetString()!)];

    private async Task<List<string>> ApprovalFactsAsync() =>
        [.. (await mesh.LoggedAsync(task)).Select(entry => entry.Kind).Where(kind => kind.StartsWith("Approval", StringComparison.Ordinal)).Order()];

    // What each call of the task takes of limits, each where a bucket counts it.
    private async Task<List<(string Step, long Amount, string State)>> ChargesAsync()
    {
        await using var command = mesh.Store.CreateCommand(
            """
            select j.step, r.amount, r.state from orchestrator.journal j
            join policy.reservation r on r.tenant_id = j.tenant_id and position(r.action_digest in j.body) > 0
            join policy.limit_bucket b on b.tenant_id = r.tenant_id and b.counter = r.counter and b.starts_at = r.bucket_starts_at and b.ends_at = r.bucket_ends_at
            where j.task_id = $1 and j.kind = 'CallRequested' order by j.step, r.amount
            """);
        command.Parameters.AddWithValue(Guid.Parse(task));
        var charges = new List<(string, long, string)>();
        await using var rows = await command.ExecuteReaderAsync();

        while (await rows.ReadAsync())
        {
            charges.Add((rows.GetString(0), rows.GetInt64(1), rows.GetString(2)));
        }

        return charges;
    }

    private IEnumerable<TaskEvent> Of(string kind) => events.Where(entry => entry.Kind == kind);

    private static bool IsKnown(TaskEvent settled) => settled.Fields.Fields["outcome"].StringValue != "Unknown";

    // A log that is being written to.
    private static byte[] Read(string file)
    {
        using var open = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var bytes = new MemoryStream();
        open.CopyTo(bytes);
        return bytes.ToArray();
    }
}
