using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Mesh.Audit.Intake;
using Mesh.Audit.Sequencing;
using Mesh.Bus;
using Mesh.Postgres;
using Mesh.TestKit;
using Npgsql;

namespace Audit.Tests.Intake;

public sealed class FactsTests(Installation installation) : IClassFixture<Installation>
{
    [Fact]
    public async Task The_journal_of_a_task_can_be_read_back_byte_for_byte_from_its_log()
    {
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var journal = Enumerable.Range(1, 30).Select(n => Some.TaskFact(tenant, task, n)).ToArray();

        for (var at = 0; at < journal.Length; at += 5)
        {
            await replica.RecordAsync(Some.Message(tenant, task, at + 1, journal[at..(at + 5)]));
            await replica.RecordAsync(Some.Message(tenant));
        }

        var entries = await replica.EntriesAsync(tenant, task);
        Assert.Equal(journal, entries.Select(entry => entry.Payload!));
        Assert.Equal(Enumerable.Range(1, 30), entries.Select(entry => JsonDocument.Parse(entry.Text).RootElement.GetProperty("seq").GetInt32()));
    }

    [Fact]
    public async Task A_batch_that_is_delivered_many_times_at_once_enters_the_log_once()
    {
        await using var first = installation.Open();
        await using var second = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var message = Some.Message(tenant, task, 1, Some.TaskFact(tenant, task, 1), Some.TaskFact(tenant, task, 2));

        await Task.WhenAll(Enumerable.Range(0, 32).Select(n => (n % 2 == 0 ? first : second).RecordAsync(message)));

        Assert.Equal(2L, await first.ScalarAsync<long>($"select count(*) from leaf where tenant_id = '{tenant}'"));
    }

    [Fact]
    public async Task A_gap_in_a_task_is_refused_with_what_is_missing_and_closes_when_it_comes()
    {
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var later = Some.Message(tenant, task, 3, Some.TaskFact(tenant, task, 3));
        await replica.RecordAsync(Some.Message(tenant, task, 1, Some.TaskFact(tenant, task, 1)));

        var refused = Assert.IsType<DeliveryOutcome.Failed>((await replica.DeliverAsync(later)).Single());
        await replica.RecordAsync(Some.Message(tenant, task, 2, Some.TaskFact(tenant, task, 2)));
        await replica.RecordAsync(later);

        Assert.Contains("from 2 to 2 are missing before 3", refused.Error, StringComparison.Ordinal);
        Assert.Equal(3, (await replica.EntriesAsync(tenant, task)).Count);
    }

    [Fact]
    public async Task Messages_of_one_task_that_arrive_together_in_the_wrong_order_end_in_the_right_one()
    {
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var messages = Enumerable.Range(1, 8).Select(n => Some.Message(tenant, task, n, Some.TaskFact(tenant, task, n))).Reverse().ToArray();

        await replica.RecordAsync(messages);

        Assert.Equal(
            Enumerable.Range(1, 8),
            (await replica.EntriesAsync(tenant, task)).Select(e => JsonDocument.Parse(e.Text).RootElement.GetProperty("seq").GetInt32()));
    }

    [Fact]
    public async Task What_arrives_together_of_many_tasks_and_tenants_stands_in_each_log_by_task_in_the_order_of_its_journal()
    {
        await using var replica = installation.Open();
        string[] tenants = [Some.Tenant(), Some.Tenant()];
        var tasks = Enumerable.Range(0, 3).Select(_ => Guid.CreateVersion7()).ToArray();
        var messages =
            from firstSeq in (int[])[5, 3, 1]
            from task in tasks
            from tenant in tenants
            select Some.Message(tenant, task, firstSeq, Some.TaskFact(tenant, task, firstSeq), Some.TaskFact(tenant, task, firstSeq + 1));

        await replica.RecordAsync([.. messages]);

        foreach (var tenant in tenants)
        {
            var entries = (await replica.EntriesAsync(tenant)).Select(entry => JsonDocument.Parse(entry.Text).RootElement);
            Assert.Equal(
                from task in tasks from seq in Enumerable.Range(1, 6) select (task, seq),
                entries.Select(entry => (entry.GetProperty("task").GetGuid(), entry.GetProperty("seq").GetInt32())));
        }
    }

    [Fact]
    public async Task Logs_are_locked_in_one_order_however_their_messages_came()
    {
        await using var replica = installation.Open();
        string[] tenants = [.. new[] { Some.Tenant(), Some.Tenant() }.Order(StringComparer.Ordinal)];
        Envelope[] Messages() => [.. tenants.Reverse().Select(tenant => (tenant, Guid.CreateVersion7()))
            .Select(log => Some.Message(log.tenant, log.Item2, 1, Some.TaskFact(log.tenant, log.Item2, 1)))];
        await replica.RecordAsync(Messages());
        await using var other = await replica.Store.OpenConnectionAsync(Stop);
        await using var holding = await other.BeginTransactionAsync(Stop);
        Assert.Equal(1L, await SizeAsync(tenants[1], "for update"));

        var delivery = replica.RecordAsync(Messages());

        // It waits for the second log, and so it has the first one.
        await Eventually.Async(async () =>
            await replica.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"));
        var taken = await Assert.ThrowsAsync<PostgresException>(() => SizeAsync(tenants[0], "for update nowait"));
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, taken.SqlState);
        await holding.RollbackAsync(Stop);
        await delivery;

        async Task<long> SizeAsync(string tenant, string how)
        {
            await using var command = new NpgsqlCommand($"select size from log_head where tenant_id = '{tenant}' {how}", other);
            return (long)(await command.ExecuteScalarAsync(Stop))!;
        }
    }

    [Fact]
    public async Task The_same_places_of_a_journal_are_known_with_the_same_bytes_and_a_contradiction_with_others()
    {
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var (one, two) = (Some.TaskFact(tenant, task, 1), Some.TaskFact(tenant, task, 2));
        await replica.RecordAsync(Some.Message(tenant, task, 1, one, two));

        await replica.RecordAsync(Some.Message(tenant, task, 1, one, two));
        var other = await replica.DeliverAsync(Some.Message(tenant, task, 1, one, Some.TaskFact(tenant, task, 9)));
        var straddling = await replica.DeliverAsync(Some.Message(tenant, task, 2, two, Some.TaskFact(tenant, task, 3)));

        Assert.Contains("contradict", Assert.IsType<DeliveryOutcome.Failed>(other.Single()).Error, StringComparison.Ordinal);
        Assert.Contains("contradict", Assert.IsType<DeliveryOutcome.Failed>(straddling.Single()).Error, StringComparison.Ordinal);
        Assert.Equal(2, (await replica.EntriesAsync(tenant, task)).Count);
    }

    [Fact]
    public async Task One_bad_message_in_a_batch_does_not_hold_up_the_others()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();
        var tasks = Enumerable.Range(0, 20).Select(_ => Guid.CreateVersion7()).ToArray();

        var outcomes = await replica.DeliverAsync(
            [.. tasks.Select((task, n) => Some.Message(tenant, task, n % 5 == 0 ? 7 : 1, Some.TaskFact(tenant, task, 1)))]);

        Assert.Equal(4, outcomes.OfType<DeliveryOutcome.Failed>().Count());
        Assert.Equal(16L, await replica.ScalarAsync<long>($"select size from log_head where tenant_id = '{tenant}'"));
    }

    [Fact]
    public async Task A_fact_that_this_build_cannot_read_is_logged_as_unknown_with_its_bytes()
    {
        await using var replica = installation.Open();
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());

        // Field 99 of a newer build, and bytes that are no message at all.
        byte[] newer = [.. new Mesh.Facts.V1.TaskFact { Tenant = tenant, TaskId = ByteString.CopyFrom(task.ToByteArray(bigEndian: true)) }.ToByteArray(), 0x9A, 0x06, 0x01, 0x41];
        byte[] noise = [0xFF, 0xFF, 0xFF];

        await replica.RecordAsync(Some.Message(tenant, task, 1, newer, noise));

        var entries = await replica.EntriesAsync(tenant, task);
        Assert.Equal([FactReader.Unknown, FactReader.Unknown], entries.Select(entry => entry.Kind));
        Assert.Equal([newer, noise], entries.Select(entry => entry.Payload!));
    }

    [Fact]
    public async Task What_belongs_to_no_tenant_is_in_the_log_of_the_platform_and_a_repeat_of_it_is_not()
    {
        await using var replica = installation.Open();
        var fact = new Mesh.Facts.V1.CustodyFact { SecurityEvent = new Mesh.Facts.V1.SecurityEvent { Reason = "LEASE_USED", LeaseId = "lease-7" } }.ToByteArray();
        var message = new Envelope(
            Guid.CreateVersion7(), "", "lease-7", 1, Mesh.Facts.V1.CustodyFactBatch.Descriptor.FullName, null,
            new Mesh.Facts.V1.CustodyFactBatch { Facts = { ByteString.CopyFrom(fact) } }.ToByteArray());

        await replica.RecordAsync(message);
        await replica.RecordAsync(message);

        var entry = Assert.Single(await replica.EntriesAsync(LogName.Platform));
        Assert.Equal("SecurityEvent", entry.Kind);
        Assert.Equal(fact, entry.Payload);
    }

    [Theory]
    [InlineData("Acme", "01900000-0000-7000-8000-000000000000", 1, false)]
    [InlineData("acme", "not-an-id", 1, false)]
    [InlineData("acme", "01900000-0000-7000-8000-000000000000", 0, false)]
    [InlineData("acme", "01900000-0000-7000-8000-000000000000", 1, true)]
    public async Task A_message_that_can_never_be_placed_is_parked_at_once(string tenant, string key, long seq, bool isDamaged)
    {
        await using var replica = installation.Open();
        var body = isDamaged ? new byte[] { 0xFF } : new Mesh.Facts.V1.TaskFactBatch { Facts = { ByteString.CopyFromUtf8("x") } }.ToByteArray();

        var outcomes = await replica.DeliverAsync(
            new Envelope(Guid.CreateVersion7(), tenant, key, seq, Mesh.Facts.V1.TaskFactBatch.Descriptor.FullName, null, body));

        Assert.IsType<DeliveryOutcome.Undecodable>(outcomes.Single());
    }

    [Theory]
    [InlineData("tenant")]
    [InlineData("task")]
    [InlineData("governance")]
    [InlineData("custody")]
    public async Task A_message_of_which_one_fact_is_of_another_tenant_or_task_is_parked_whole(string stranger)
    {
        await using var replica = installation.Open();
        var (tenant, other, task) = (Some.Tenant(), Some.Tenant(), Guid.CreateVersion7());
        var own = Some.TaskFact(tenant, task, 1);
        var message = stranger switch
        {
            "tenant" => Some.Message(tenant, task, 1, own, Some.TaskFact(other, task, 2)),
            "task" => Some.Message(tenant, task, 1, own, Some.TaskFact(tenant, Guid.CreateVersion7(), 2)),
            "governance" => new Envelope(
                Guid.CreateVersion7(), tenant, "policy/refunds", 1, Mesh.Facts.V1.GovernanceFactBatch.Descriptor.FullName, null,
                new Mesh.Facts.V1.GovernanceFactBatch { Facts = { new Mesh.Facts.V1.GovernanceFact { Tenant = other }.ToByteString() } }.ToByteArray()),
            _ => new Envelope(
                Guid.CreateVersion7(), tenant, "lease/7", 1, Mesh.Facts.V1.CustodyFactBatch.Descriptor.FullName, null,
                new Mesh.Facts.V1.CustodyFactBatch { Facts = { new Mesh.Facts.V1.CustodyFact { Tenant = other }.ToByteString() } }.ToByteArray()),
        };

        var outcome = Assert.IsType<DeliveryOutcome.Undecodable>((await replica.DeliverAsync(message)).Single());

        Assert.Contains("another tenant or task", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(0L, await replica.ScalarAsync<long>($"select count(*) from leaf where tenant_id in ('{tenant}', '{other}')"));
    }

    [Fact]
    public void A_leaf_of_a_fact_names_states_and_digests_and_neither_person_nor_payload()
    {
        var fact = new Mesh.Facts.V1.GovernanceFact
        {
            Tenant = "acme",
            Actor = "person:miriam",
            ApprovalDecided = new Mesh.Facts.V1.ApprovalDecided
            {
                ApprovalId = "a-1",
                Step = "tool#2",
                ActionDigest = ByteString.CopyFrom(new byte[32]),
                Decision = Mesh.Facts.V1.ApprovalDecided.Types.Decision.Approved,
                Reason = "because Miriam says so",
            },
        }.ToByteString();

        var message = new FactMessage(Guid.NewGuid(), "acme", "a-1", null, 0, [FactReader.GovernanceFact(fact, "acme")]);
        var leaf = Encoding.UTF8.GetString(message.ToSubmission(DateTimeOffset.UtcNow).Leaves[0].Text);

        Assert.Contains("\"kind\":\"ApprovalDecided\"", leaf, StringComparison.Ordinal);
        Assert.Contains("\"approval_id\":\"a-1\"", leaf, StringComparison.Ordinal);
        Assert.Contains("\"step\":\"tool#2\"", leaf, StringComparison.Ordinal);
        Assert.Contains("\"decision\":\"DECISION_APPROVED\"", leaf, StringComparison.Ordinal);
        Assert.DoesNotContain("miriam", leaf, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_fact_with_huge_fields_still_has_a_small_leaf()
    {
        var (tenant, task) = (Some.Tenant(), Guid.CreateVersion7());
        var fact = new Mesh.Facts.V1.TaskFact
        {
            Tenant = tenant,
            TaskId = ByteString.CopyFrom(task.ToByteArray(bigEndian: true)),
            Step = new string('s', 500_000),
            CallRequested = new Mesh.Facts.V1.CallRequested { Tool = new string('t', 200_000), Arguments = ByteString.CopyFrom(new byte[200_000]) },
        }.ToByteArray();

        var submission = Wire.Read(Some.Message(tenant, task, 1, fact)).ToSubmission(DateTimeOffset.UtcNow);

        Assert.InRange(submission.Leaves[0].Text.Length, 100, 1_000);
        Assert.Equal(fact, submission.Leaves[0].Payload);
    }
}
