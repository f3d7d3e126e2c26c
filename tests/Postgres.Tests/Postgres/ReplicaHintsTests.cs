using System.Collections.Concurrent;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Postgres.Tests.Postgres;

public sealed class ReplicaHintsTests(NoteStore store) : IClassFixture<NoteStore>
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_replica_hears_the_others_and_never_itself_or_another_service()
    {
        using var one = await Listener.StartAsync(store, "pairs");
        using var two = await Listener.StartAsync(store, "pairs");
        using var other = await Listener.StartAsync(store, "strangers");
        await Eventually.Async(() => one.Hints.HasOthers && two.Hints.HasOthers, Soon);

        one.Hints.Raise("from one");
        two.Hints.Raise("from two");

        await Eventually.Async(() => one.Heard.Contains("from two") && two.Heard.Contains("from one"), Soon);
        Assert.DoesNotContain("from one", one.Heard);
        Assert.Empty(other.Heard);
        Assert.False(other.Hints.HasOthers);
    }

    [Fact]
    public async Task More_hints_than_one_notification_holds_all_arrive()
    {
        using var one = await Listener.StartAsync(store, "many");
        using var two = await Listener.StartAsync(store, "many");
        await Eventually.Async(() => one.Hints.HasOthers, Soon);
        var hints = Enumerable.Range(0, 2_000).Select(number => $"{number} {new string('é', 40)}").ToHashSet();

        foreach (var hint in hints)
        {
            one.Hints.Raise(hint);
        }

        await Eventually.Async(() => hints.IsSubsetOf(two.Heard), Soon);
    }

    [Fact]
    public async Task A_lone_replica_tells_nobody_anything()
    {
        await using var listening = new NpgsqlConnection(store.Database.SuperuserConnection);
        await listening.OpenAsync(Stop);
        var heard = new ConcurrentQueue<string>();
        listening.Notification += (_, notification) => heard.Enqueue(notification.Payload);
        await using (var listen = new NpgsqlCommand("listen replicas_lone", listening))
        {
            await listen.ExecuteNonQueryAsync(Stop);
        }

        using var lone = await Listener.StartAsync(store, "lone");
        lone.Hints.Raise("is anybody there?");

        // What comes after it on the same channel shows that it did not come.
        await using var marker = store.Source.CreateCommand("select pg_notify('replicas_lone', 'end')");
        await Eventually.Async(
            async () =>
            {
                await listening.WaitAsync(TimeSpan.FromMilliseconds(50), Stop);
                await marker.ExecuteNonQueryAsync(Stop);
                return heard.Any(text => text.EndsWith("hello", StringComparison.Ordinal)) && heard.Contains("end");
            },
            Soon);
        Assert.DoesNotContain(heard, text => text.Contains("anybody", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_replica_whose_connection_was_cut_hears_again()
    {
        using var one = await Listener.StartAsync(store, "cut");
        using var two = await Listener.StartAsync(store, "cut");
        await Eventually.Async(() => one.Hints.HasOthers && two.Hints.HasOthers, Soon);
        await using var admin = NpgsqlDataSource.Create(store.Database.SuperuserConnection);

        await admin.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen \"replicas_cut\"'");

        await Eventually.Async(
            () =>
            {
                one.Hints.Raise("again");
                return two.Heard.Contains("again");
            },
            Soon);
    }

    private sealed class Listener : IDisposable
    {
        private Listener(ReplicaHints hints) => Hints = hints;

        public ReplicaHints Hints { get; }

        public ConcurrentBag<string> Heard { get; } = [];

        public static async Task<Listener> StartAsync(NoteStore store, string service)
        {
            var one = new Listener(new ReplicaHints(service, store.Source, TimeProvider.System, NullLogger<ReplicaHints>.Instance));
            one.Hints.Heard += one.Heard.Add;
            await one.Hints.StartAsync(Stop);

            return one;
        }

        public void Dispose()
        {
            Hints.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
            Hints.Dispose();
        }
    }
}
