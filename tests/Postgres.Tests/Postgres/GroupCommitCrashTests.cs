using System.Collections.Concurrent;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Postgres.Tests.Postgres;

/// <summary>kill -9 of PostgreSQL while entries are on their way: no answer may be a lie.</summary>
public sealed class GroupCommitCrashTests
{
    [Fact]
    public async Task Entries_that_were_not_committed_when_the_server_died_are_written_when_it_is_back()
    {
        await using var server = await StartAsync();
        await using var source = StoreRegistration.OpenSource(server.SuperuserConnection());
        var entered = new TaskCompletionSource();
        var killed = new TaskCompletionSource();
        await using var commits = new GroupCommit<int, bool>(
            source,
            new() { Name = "crash", ConnectPatience = TimeSpan.FromSeconds(20) },
            async (transaction, ids, stop) =>
            {
                await transaction.ReadAsync([Insert(ids)], (_, _) => Task.CompletedTask, stop);
                entered.TrySetResult();
                await killed.Task;
                await transaction.CommitAsync([], stop);

                return [.. ids.Select(_ => true)];
            },
            NullLogger.Instance);

        var answer = commits.AppendAsync(1);
        await entered.Task;
        await server.KillAsync();
        await server.StartAgainAsync();
        killed.SetResult();

        // The commit may have been sent into the dead connection; then the caller is told that nobody knows.
        var error = await Record.ExceptionAsync(() => answer);
        var isThere = await source.ScalarAsync<bool>("select exists (select from t where id = 1)");
        Assert.True(error is null ? isThere : error is StoreUnavailableException { MayHaveCommitted: true });
        Assert.True(await commits.AppendAsync(2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_commit_that_is_not_confirmed_is_written_again_where_that_is_safe_and_unknown_elsewhere(bool isRepeatable)
    {
        await using var server = await StartAsync();
        await using var source = StoreRegistration.OpenSource(server.SuperuserConnection());
        await using var commits = new GroupCommit<int, bool>(source, new() { Name = "crash", IsRepeatable = isRepeatable }, WriteAsync, NullLogger.Instance);
        Assert.True(await commits.AppendAsync(1));
        await server.WithholdConfirmationsAsync();

        var answer = commits.AppendAsync(2);
        foreach (var pid in await server.UnconfirmedAsync())
        {
            Assert.True(await source.ScalarAsync<bool>($"select pg_terminate_backend({pid})"));
        }

        var error = await Record.ExceptionAsync(() => answer);
        Assert.True(isRepeatable ? error is null : error is StoreUnavailableException { MayHaveCommitted: true });
        Assert.Equal(2L, await source.ScalarAsync<long>("select count(*) from t"));
    }

    [Fact]
    public async Task Of_an_entry_that_may_be_committed_a_later_failure_does_not_say_that_it_is_not()
    {
        await using var server = await StartAsync();
        await using var source = StoreRegistration.OpenSource(server.SuperuserConnection());
        await using var commits = new GroupCommit<int, bool>(
            source, new() { Name = "crash", IsRepeatable = true, ConnectPatience = TimeSpan.FromMilliseconds(100) }, WriteAsync, NullLogger.Instance);
        Assert.True(await commits.AppendAsync(1));
        await server.WithholdConfirmationsAsync();

        var answer = commits.AppendAsync(2);
        await server.UnconfirmedAsync();
        await server.KillAsync();

        // Every further attempt fails before it is sent.
        Assert.True((await Assert.ThrowsAsync<StoreUnavailableException>(() => answer)).MayHaveCommitted);
        await server.StartAgainAsync();
        Assert.Equal(2L, await source.ScalarAsync<long>("select count(*) from t"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Through_kills_under_load_every_yes_is_durable_and_every_not_written_is_true(bool isRepeatable)
    {
        await using var server = await StartAsync();
        await using var source = StoreRegistration.OpenSource(server.SuperuserConnection());
        var yes = new ConcurrentBag<int>();
        var no = new ConcurrentBag<int>();
        var unknown = 0;
        var next = 0;
        using var over = new CancellationTokenSource();
        await using (var commits = new GroupCommit<int, bool>(source, new() { Name = "crash", IsRepeatable = isRepeatable }, WriteAsync, NullLogger.Instance))
        {
            var callers = Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
            {
                while (!over.IsCancellationRequested)
                {
                    var id = Interlocked.Increment(ref next);
                    try
                    {
                        await commits.AppendAsync(id);
                        yes.Add(id);
                    }
                    catch (StoreUnavailableException error) when (!error.MayHaveCommitted)
                    {
                        no.Add(id);
                    }
                    catch (StoreUnavailableException)
                    {
                        Interlocked.Increment(ref unknown);
                    }
                }
            })).ToArray();
            for (var kill = 0; kill < 3; kill++)
            {
                var before = yes.Count;
                await Eventually.Async(() => yes.Count > before + 200);
                await server.KillAsync();
                await server.StartAgainAsync();
            }

            var last = yes.Count;
            await Eventually.Async(() => yes.Count > last + 200);
            await over.CancelAsync();
            await Task.WhenAll(callers);
        }

        var durable = (await source.ScalarAsync<int[]>("select array_agg(id) from t")).ToHashSet();
        Assert.DoesNotContain(yes, id => !durable.Contains(id));
        Assert.DoesNotContain(no, durable.Contains);
        TestContext.Current.TestOutputHelper?.WriteLine($"{yes.Count} yes, {no.Count} not written, {unknown} unknown");
    }

    private static async Task<OwnPostgres> StartAsync()
    {
        var server = await TestPostgres.StartOwnAsync();
        await using var source = NpgsqlDataSource.Create(server.SuperuserConnection());
        await source.ExecuteAsync("create table t (id int primary key)");

        return server;
    }

    private static async Task<IReadOnlyList<bool>> WriteAsync(CommitTransaction transaction, IReadOnlyList<int> ids, CancellationToken stop)
    {
        await transaction.CommitAsync([Insert(ids)], stop);

        return [.. ids.Select(_ => true)];
    }

    private static NpgsqlBatchCommand Insert(IReadOnlyList<int> ids) => new("insert into t select unnest($1) on conflict do nothing")
    {
        Parameters = { new() { Value = ids.ToArray() } },
    };
}
