using Mesh.TestKit;

namespace Audit.Tests.Sequencing;

/// <summary>What <c>append</c> looks up is planned when a log is new and empty. Those plans must be right later, too.</summary>
public sealed class PlansOfTheFirstHour(Installation installation) : IClassFixture<Installation>
{
    private const int Leaves = 6_000;

    [Fact]
    public async Task What_was_planned_for_an_empty_log_finds_an_intent_and_a_task_among_many_by_their_keys()
    {
        await using var replica = installation.Open();
        var tenant = Some.Tenant();

        // Six times: from then on PostgreSQL may keep a plan that is not made for the values.
        for (var round = 0; round < 6; round++)
        {
            await AppendAndRepeatAsync(replica, tenant);
        }

        // Half of them intents, half of them one long journal.
        await installation.AsSuperuserAsync(
            $"""
            insert into leaf (tenant_id, index, leaf, leaf_hash, kind, time, task_id, task_seq, intent, intent_terms, salt)
            select '{tenant}', size + n, 'x', sha256('x'), 'x', now(),
                case when n % 2 = 0 then '{Guid.CreateVersion7()}'::uuid else gen_random_uuid() end, case when n % 2 = 0 then 1 + n / 2 end,
                case when n % 2 = 1 then sha256(n::text::bytea) end, case when n % 2 = 1 then sha256('x') end, sha256('x')
            from log_head, generate_series(0, {Leaves - 1}) n where tenant_id = '{tenant}';
            update log_head set size = size + {Leaves} where tenant_id = '{tenant}'
            """);
        await WrittenAsync((6 * 3) + Leaves);
        var before = await EntriesReadAsync();

        for (var round = 0; round < 20; round++)
        {
            await AppendAndRepeatAsync(replica, tenant);
        }

        await WrittenAsync((26 * 3) + Leaves);
        Assert.InRange(await EntriesReadAsync() - before, 1, 1_000);
    }

    // A session tells the server's counters about its work a moment later, all of it at once.
    private Task WrittenAsync(int leaves) => Eventually.Async(async () =>
        await CountAsync("select n_tup_ins from pg_stat_user_tables where schemaname = 'audit' and relname = 'leaf'") == leaves);

    private Task<long> EntriesReadAsync() => CountAsync(
        """
        select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'audit' and relname in ('leaf', 'log_head'))
            + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'audit' and relname in ('leaf', 'log_head'))
        """);

    private async Task<long> CountAsync(string sql) =>
        long.Parse((await installation.AsSuperuserAsync(sql))!, System.Globalization.CultureInfo.InvariantCulture);

    private static async Task AppendAndRepeatAsync(Replica replica, string tenant)
    {
        var (intent, task) = (Some.Intent(tenant), Guid.CreateVersion7());
        var facts = new[] { Some.TaskFact(tenant, task, 1), Some.TaskFact(tenant, task, 2) };
        await replica.RecordAsync(Some.Message(tenant, task, 1, facts));
        await replica.RecordAsync(Some.Message(tenant, task, 1, facts));
        await replica.AppendAsync(intent);
        await replica.AppendAsync(intent);
    }
}
