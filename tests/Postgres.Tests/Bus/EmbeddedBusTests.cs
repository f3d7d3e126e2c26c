using Mesh.Bus;
using Mesh.Postgres;
using Mesh.TestKit;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>The contract, kept by the embedded bus, and what only it promises.</summary>
public sealed class EmbeddedBusTests(EmbeddedBusFixture fixture) : BusContractTests(fixture), IClassFixture<EmbeddedBusFixture>;

public sealed class EmbeddedBusIdleTests(EmbeddedBusFixture fixture) : IClassFixture<EmbeddedBusFixture>
{
    [Fact]
    public async Task The_bus_of_an_idle_service_takes_at_most_half_a_query_a_second()
    {
        var pauses = RetryPauses.Default;
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(pauses), signal);
        await using var consumers = await RunningService.ConsumersAsync(fixture.Store, fixture.Open(pauses), new EffectHandler("idle", "idle"));
        await using var admin = NpgsqlDataSource.Create(await TestPostgres.SuperuserConnectionAsync());
        var name = new NpgsqlConnectionStringBuilder(fixture.SuperuserConnection).Database;
        Task<long> CountAsync() => admin.ScalarAsync<long>($"select xact_commit from pg_stat_database where datname = '{name}'");

        // Counted by the server, which may report what a connection did ten seconds late: the start-up spoils the first window.
        await Eventually.Async(
            async () =>
            {
                var before = await CountAsync();
                await Task.Delay(TimeSpan.FromSeconds(10));

                return await CountAsync() - before is >= 2 and <= 6;
            },
            TimeSpan.FromSeconds(35));
    }
}

public sealed class EmbeddedBusClaimTests(EmbeddedBusFixture fixture) : IClassFixture<EmbeddedBusFixture>
{
    [Fact]
    public async Task The_claims_of_a_consumer_end_with_its_connection()
    {
        var handler = new EffectHandler("claims", "claims");
        var bus = fixture.Open(RetryPauses.Default);
        await bus.SubscribeAsync("claims", ["claims"], CancellationToken.None);
        await bus.SendAsync([Message("k", 1), Message("k", 2), Message("free", 1)], CancellationToken.None);
        var claimant = fixture.OneConnection();
        await claimant.ExecuteAsync(
            "update bus.message set state = 1, not_before = clock_timestamp() + interval '1 h', claimed_by = pg_backend_pid() where consumer = 'claims' and key = 'k' and key_seq = 1");
        await using var consumers = await RunningService.ConsumersAsync(fixture.Store, bus, handler);

        // It lives, so that what it claimed is its own, and what comes after that waits.
        await Eventually.Async(() => !handler.Deliveries.IsEmpty);
        await bus.SendAsync([Message("free", 2)], CancellationToken.None);
        await Eventually.Async(() => handler.Deliveries.Count == 2);
        Assert.Equal(2, await fixture.Store.ScalarAsync<long>("select count(*) from effects where key = 'claims/free'"));

        await claimant.DisposeAsync();
        await Eventually.Async(() => handler.Deliveries.Count == 4, TimeSpan.FromSeconds(60));
    }

    private static Envelope Message(string key, int place) => new(Guid.CreateVersion7(), "acme", key, place, "claims", null, []);
}

public sealed class EmbeddedBusHintTests(EmbeddedBusFixture fixture) : IClassFixture<EmbeddedBusFixture>
{
    [Fact]
    public async Task A_hint_wakes_an_idle_consumer_before_its_poll()
    {
        var handler = new EffectHandler("hinted", "hinted");
        var bus = fixture.Open(RetryPauses.Default);
        await using var consumers = await RunningService.ConsumersAsync(fixture.Store, bus, handler);

        // Ten in a row within less than one poll each: polling alone would need twenty seconds.
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var place = 1; place <= 10; place++)
        {
            await bus.SendAsync([new Envelope(Guid.CreateVersion7(), "acme", "k", place, "hinted", null, [])], CancellationToken.None);
            var expected = place;
            await Eventually.Async(() => handler.Deliveries.Count == expected);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(8), $"{watch.Elapsed}");
    }
}
