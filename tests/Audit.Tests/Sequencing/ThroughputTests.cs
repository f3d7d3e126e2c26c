using System.Diagnostics;

namespace Audit.Tests.Sequencing;

/// <summary>Prints figures beside the floor of the same run. It asserts nothing about time: run it by name.</summary>
public sealed class ThroughputTests(Installation installation, ITestOutputHelper output) : IClassFixture<Installation>
{
    [Fact(Explicit = true)]
    public async Task Intents_and_facts_per_second_beside_one_row_commits()
    {
        await using var replica = installation.Open();
        await installation.AsSuperuserAsync("create table floor (n bigint); grant insert, select on floor to mesh_audit");
        var floor = await RateAsync(300, 1, async _ => await replica.ScalarAsync<long>("insert into floor values (1) returning n"));
        var tenant = Some.Tenant();
        await RateAsync(500, 128, async _ => await replica.AppendAsync(Some.Intent(tenant)));
        var alone = await RateAsync(300, 1, async _ => await replica.AppendAsync(Some.Intent(tenant)));
        var intents = await RateAsync(6_000, 128, async _ => await replica.AppendAsync(Some.Intent(tenant)));

        // As the embedded bus delivers: up to 64 messages at once, here of eight facts each.
        var batches = Enumerable.Range(0, 40).Select(_ => Enumerable.Range(0, 64).Select(_ =>
        {
            var task = Guid.CreateVersion7();
            return Some.Message(tenant, task, 1, [.. Enumerable.Range(1, 8).Select(n => Some.TaskFact(tenant, task, n))]);
        }).ToArray()).ToArray();
        var facts = 64 * 8 * await RateAsync(40, 1, async n => await replica.RecordAsync(batches[n]));
        var started = Stopwatch.StartNew();
        var size = await replica.Checkpoints.AdvanceAsync(tenant, Stop);

        output.WriteLine(
            $"one-row commits/s {floor:0}; intents/s alone {alone:0}, 128 in flight {intents:0}; facts/s {facts:0}; " +
            $"leaves/s into the tree {size / started.Elapsed.TotalSeconds:0}");
    }

    private static async Task<double> RateAsync(int count, int inFlight, Func<int, Task> act)
    {
        var next = -1;
        var started = Stopwatch.StartNew();

        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref next) is var n && n < count)
            {
                await act(n);
            }
        })));

        return count / started.Elapsed.TotalSeconds;
    }
}
