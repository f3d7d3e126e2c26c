using System.Diagnostics.Metrics;
using Mesh.Bus;
using Mesh.Postgres;
using Mesh.TestKit;
using Npgsql;

namespace Postgres.Tests.Bus;

/// <summary>What every transport must do. Each test uses its own message type, consumers and keys.</summary>
public abstract class BusContractTests(BusFixture fixture)
{
    private static readonly RetryPauses Short = new(
        TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20));

    private readonly string type = $"type-{Guid.NewGuid():N}";
    private readonly string consumer = $"c{Guid.NewGuid():N}"[..20];

    [Fact]
    public async Task A_message_reaches_every_consumer_of_its_type_once()
    {
        var other = consumer + "b";
        await using var one = await ConsumeAsync(new EffectHandler(consumer, type));
        await using var two = await ConsumeAsync(new EffectHandler(other, type));

        await SendAsync(Message("k", 1));

        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1 && (await EffectsAsync("k", other)).Length == 1);
    }

    [Fact]
    public async Task A_duplicate_has_no_second_effect_neither_before_nor_after_the_first_was_handled()
    {
        var handler = new EffectHandler(consumer, type);
        await using var consuming = await ConsumeAsync(handler);
        var message = Message("k", 1);

        await SendAsync(message);
        await SendAsync(message);
        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1);
        await SendAsync(message);
        await SendAsync(Message("k", 2));

        await Eventually.Async(async () => (await EffectsAsync("k")).Length >= 2);
        await AssertEffectsAsync("k", 1, 2);
    }

    [Fact]
    public async Task Messages_that_were_handed_over_in_another_order_arrive_in_the_order_of_their_key()
    {
        var messages = Enumerable.Range(1, 200).Select(place => Message($"k{place % 5}", place)).ToArray();
        await using var bus = new Disposable(fixture.Open(Short));
        await bus.Bus.SubscribeAsync(consumer, [type], CancellationToken.None);
        Random.Shared.Shuffle(messages);

        await bus.Bus.SendAsync(messages, CancellationToken.None);
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));

        try
        {
            await Eventually.Async(async () => (await EffectsAsync("k%")).Length == 200, TimeSpan.FromSeconds(90));
        }
        catch (TimeoutException)
        {
            var parked = await fixture.DeadLetters(bus.Bus).ListAsync(consumer, stop: CancellationToken.None);
            Assert.Fail($"{(await EffectsAsync("k%")).Length} of 200; parked: {string.Join("; ", parked.Select(letter => letter.Error))}");
        }

        for (var key = 0; key < 5; key++)
        {
            var effects = await EffectsAsync($"k{key}");
            Assert.Equal(effects.Order(), effects);
        }
    }

    [Fact]
    public async Task A_message_that_fails_is_tried_again_while_only_its_own_key_waits()
    {
        var failures = 2;
        var handler = new EffectHandler(consumer, type, message =>
            message.Key == "bad" && Interlocked.Decrement(ref failures) >= 0 ? throw new InvalidOperationException("not yet") : Task.CompletedTask);
        await using var consuming = await ConsumeAsync(handler);

        await SendAsync([Message("bad", 1), Message("bad", 2), Message("good", 1), Message("bad", 3), Message("good", 2)]);

        await Eventually.Async(async () => (await EffectsAsync("bad")).Length == 3);
        await AssertEffectsAsync("bad", 1, 2, 3);
        await AssertEffectsAsync("good", 1, 2);
    }

    [Fact]
    public async Task A_store_that_is_gone_for_a_moment_costs_no_message_and_each_loss_is_counted()
    {
        var (losses, interruptions) = (2, 0L);
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "mesh.bus.interrupted")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        }
        };
        meters.SetMeasurementEventCallback<long>((_, count, tags, _) =>
            Interlocked.Add(ref interruptions, tags.ToArray().Any(tag => consumer.Equals(tag.Value)) ? count : 0));
        meters.Start();
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type, _ =>
            Interlocked.Decrement(ref losses) >= 0 ? throw new StoreUnavailableException("test", mayHaveCommitted: false, new IOException("gone")) : Task.CompletedTask));

        await SendAsync(Message("k", 1));

        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1, TimeSpan.FromSeconds(60));
        Assert.Equal(2, Interlocked.Read(ref interruptions));
    }

    [Fact]
    public async Task The_trace_that_a_message_carries_arrives_with_it_also_when_it_is_tried_again()
    {
        const string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        var handler = new EffectHandler(consumer, type, message =>
        {
            seen.Enqueue(message.TraceParent);
            return seen.Count == 1 ? throw new InvalidOperationException("not yet") : Task.CompletedTask;
        });
        await using var consuming = await ConsumeAsync(handler);

        await SendAsync(Message("traced", 1) with { TraceParent = trace });

        await Eventually.Async(async () => (await EffectsAsync("traced")).Length == 1, TimeSpan.FromSeconds(60));
        Assert.Equal([trace, trace], seen);
    }

    [Fact]
    public async Task What_waits_what_rests_and_what_is_parked_is_counted_apart()
    {
        await using var bus = new Disposable(fixture.Open(new RetryPauses(TimeSpan.FromHours(1))));
        var depths = fixture.Depths(bus.Bus);
        await bus.Bus.SubscribeAsync(consumer, [type], CancellationToken.None);
        Assert.Equal(new QueueDepth(0, 0, 0), await depths.LookAsync(consumer, CancellationToken.None));

        await bus.Bus.SendAsync([Message("good", 1), Message("rests", 1), Message("parked", 1)], CancellationToken.None);
        await Eventually.Async(async () => await depths.LookAsync(consumer, CancellationToken.None) == new QueueDepth(3, 0, 0), TimeSpan.FromSeconds(60));

        await using (await RunningService.ConsumersAsync(fixture.Store, fixture.Open(new RetryPauses(TimeSpan.FromHours(1))), new EffectHandler(consumer, type, message => message.Key switch
        {
            "rests" => throw new InvalidOperationException("not yet"),
            "parked" => throw new UndecodableMessageException("never"),
            _ => Task.CompletedTask,
        })))
        {
            await Eventually.Async(async () => await depths.LookAsync(consumer, CancellationToken.None) == new QueueDepth(0, 1, 1), TimeSpan.FromSeconds(60));
        }

        await bus.Bus.SendAsync([Message("good", 2)], CancellationToken.None);
        await Eventually.Async(async () => await depths.LookAsync(consumer, CancellationToken.None) == new QueueDepth(1, 1, 1), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_poison_message_is_parked_with_its_error_and_goes_on_after_a_retry()
    {
        var isPoison = true;
        var handler = new EffectHandler(consumer, type, message =>
            message.KeySequence == 1 && message.Key == "bad" && Volatile.Read(ref isPoison) ? throw new InvalidOperationException("cannot") : Task.CompletedTask);
        await using var consuming = await ConsumeAsync(handler);
        await using var bus = new Disposable(fixture.Open(Short));
        var dead = fixture.DeadLetters(bus.Bus);
        var poison = Message("bad", 1);

        await SendAsync([poison, Message("bad", 2), Message("good", 1)]);
        var parked = await Eventually.ValueAsync(() => dead.ShowAsync(consumer, poison.Id));
        await Eventually.Async(async () => (await EffectsAsync("good")).Length == 1);

        Assert.Equal(4, parked.Attempts);
        Assert.Contains("cannot", parked.Error, StringComparison.Ordinal);
        Assert.Equal(poison.Body, parked.Message.Body);
        Assert.Equal([poison.Id], (await dead.ListAsync(consumer)).Select(one => one.Message.Id));
        Assert.Empty(await EffectsAsync("bad"));

        Volatile.Write(ref isPoison, false);
        Assert.True(await dead.RetryAsync(consumer, poison.Id));
        await Eventually.Async(async () => (await EffectsAsync("bad")).Length == 2);
        await AssertEffectsAsync("bad", 1, 2);
        Assert.False(await dead.RetryAsync(consumer, poison.Id));
    }

    [Fact]
    public async Task A_message_whose_store_is_full_is_not_to_blame_however_long_that_lasts()
    {
        var isFull = true;
        var handler = new EffectHandler(consumer, type, _ => Volatile.Read(ref isFull)
            ? throw new InvalidOperationException("not saved", new PostgresException("No space left on device", "ERROR", "ERROR", PostgresErrorCodes.DiskFull))
            : Task.CompletedTask);
        await using var consuming = await ConsumeAsync(handler);
        await using var bus = new Disposable(fixture.Open(Short));

        // As often as would park it twice.
        await SendAsync(Message("k", 1));
        await Eventually.Async(() => handler.Deliveries.Count >= 8);
        Assert.Empty(await fixture.DeadLetters(bus.Bus).ListAsync(consumer));

        Volatile.Write(ref isFull, false);
        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task However_many_wait_behind_a_message_that_cannot_go_on_other_keys_do_not_wait(bool isParked)
    {
        var bad = new RetryPauses(TimeSpan.FromHours(1));
        var handler = new EffectHandler(consumer, type, message => message.Key != "bad"
            ? Task.CompletedTask
            : isParked ? throw new UndecodableMessageException("not JSON") : throw new InvalidOperationException("not yet"));
        await using var consuming = await RunningService.ConsumersAsync(fixture.Store, fixture.Open(bad), handler);
        await SendAsync(Message("bad", 1));
        await Eventually.Async(() => handler.Deliveries.Count == 1);

        await SendAsync([.. Enumerable.Range(2, 2_000).Select(place => Message("bad", place)), Message("good", 1)]);

        await Eventually.Async(async () => (await EffectsAsync("good")).Length == 1, TimeSpan.FromSeconds(60));
        Assert.Empty(await EffectsAsync("bad"));
    }

    [Fact]
    public async Task A_discarded_message_frees_its_key()
    {
        var handler = new EffectHandler(consumer, type, message => message.KeySequence == 1 ? throw new UndecodableMessageException("not JSON") : Task.CompletedTask);
        await using var consuming = await ConsumeAsync(handler);
        await using var bus = new Disposable(fixture.Open(Short));
        var dead = fixture.DeadLetters(bus.Bus);
        var poison = Message("k", 1);

        await SendAsync([poison, Message("k", 2)]);
        var parked = await Eventually.ValueAsync(() => dead.ShowAsync(consumer, poison.Id));
        Assert.Equal(1, parked.Attempts);
        Assert.Empty(await EffectsAsync("k"));

        Assert.True(await dead.DiscardAsync(consumer, poison.Id));
        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1);
        await AssertEffectsAsync("k", 2);
    }

    [Fact]
    public async Task A_type_that_no_handler_knows_is_parked_at_once()
    {
        await using var bus = new Disposable(fixture.Open(Short));
        await bus.Bus.SubscribeAsync(consumer, [type], CancellationToken.None);
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type + "-other"));
        var message = Message("k", 1);

        await SendAsync(message);

        var parked = await Eventually.ValueAsync(() => fixture.DeadLetters(bus.Bus).ShowAsync(consumer, message.Id));
        Assert.Contains(type, parked.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_dead_consumer_held_is_delivered_again_and_has_its_effect_once()
    {
        // The process stalls after its effect and never settles: this is what a crash leaves.
        var entered = new TaskCompletionSource();
        var never = new TaskCompletionSource();
        var dying = new EffectHandler(consumer, type, message =>
        {
            entered.TrySetResult();

            return never.Task;
        });
        var dead = await ConsumeAsync(dying);
        await SendAsync([Message("k", 1), Message("k", 2)]);
        await entered.Task;

        await fixture.ForgetDeadConsumersAsync();
        await using var heir = await ConsumeAsync(new EffectHandler(consumer, type));
        await fixture.ForgetDeadConsumersAsync();
        never.SetResult();

        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 2);
        await dead.DisposeAsync();
        await SendAsync(Message("k", 3));
        await Eventually.Async(async () => (await EffectsAsync("k")).Length >= 3);
        await AssertEffectsAsync("k", 1, 2, 3);
    }

    [Fact]
    public async Task What_was_committed_before_a_crash_is_sent_by_the_next_relay()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await WriteOutboxAsync(Message("k", 1), Message("k", 2));

        // A relay that claimed and died: its claims have run out.
        await fixture.Store.ExecuteAsync("update outbox set state = 1, claimed_until = clock_timestamp() where key_seq = 1");
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);

        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 2);
        await AssertEffectsAsync("k", 1, 2);
        await Eventually.Async(async () => await fixture.Store.ScalarAsync<long>($"select count(*) from outbox where type = '{type}'") == 0);
    }

    [Fact]
    public async Task A_row_waits_for_the_earlier_one_of_its_key_that_another_relay_holds()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await WriteOutboxAsync(Message("k", 1), Message("k", 2), Message("free", 1));
        await fixture.Store.ExecuteAsync($"update outbox set state = 1, claimed_until = clock_timestamp() + interval '1 h' where type = '{type}' and key = 'k' and key_seq = 1");
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);

        await Eventually.Async(async () => (await EffectsAsync("free")).Length == 1);
        Assert.Equal(1, await fixture.Store.ScalarAsync<int>($"select count(*)::int from outbox where type = '{type}' and key_seq = 2 and state = 0"));

        await fixture.Store.ExecuteAsync($"update outbox set state = 0, claimed_until = null where type = '{type}' and key_seq = 1");
        signal.Raise();
        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 2);
        await AssertEffectsAsync("k", 1, 2);
    }

    [Fact]
    public async Task The_claims_of_a_relay_end_with_its_connection()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await WriteOutboxAsync(Message("k", 1), Message("k", 2), Message("free", 1));
        var claimant = fixture.OneConnection();
        await claimant.ExecuteAsync(
            $"update outbox set state = 1, claimed_until = clock_timestamp() + interval '1 h', claimed_by = pg_backend_pid() where type = '{type}' and key = 'k' and key_seq = 1");
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);

        // It lives, so that what it claimed is its own, and what comes after that waits.
        await Eventually.Async(async () => (await EffectsAsync("free")).Length == 1);
        signal.Raise();
        Assert.Empty(await EffectsAsync("k"));

        await claimant.DisposeAsync();
        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 2, TimeSpan.FromSeconds(60));
        await AssertEffectsAsync("k", 1, 2);
    }

    [Fact]
    public async Task A_row_that_commits_late_is_not_lost()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);
        var early = Message("early", 1);
        var late = Message("late", 2);
        await using var connection = await fixture.Store.OpenConnectionAsync();
        await using var open = await connection.BeginTransactionAsync();
        await using var batch = new Npgsql.NpgsqlBatch(connection, open) { BatchCommands = { Outbox.Insert([early]) } };
        await batch.ExecuteNonQueryAsync();

        // The later one commits and is sent while the earlier one is still open.
        await WriteOutboxAsync(late);
        signal.Raise();
        await Eventually.Async(async () => (await EffectsAsync("late")).Length == 1);
        Assert.Empty(await EffectsAsync("early"));

        await open.CommitAsync();
        signal.Raise();
        await Eventually.Async(async () => (await EffectsAsync("early")).Length == 1);
    }

    [Fact]
    public async Task A_message_without_subscribers_waits_in_the_outbox_until_there_is_one()
    {
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);
        await WriteOutboxAsync(Message("k", 1));
        signal.Raise();
        await Eventually.Async(async () => await fixture.Store.ScalarAsync<int>($"select attempts from outbox where type = '{type}'") > 0);

        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));

        await Eventually.Async(async () => (await EffectsAsync("k")).Length == 1);
    }

    [Fact]
    public async Task Two_relays_two_consumers_late_commits_and_a_breaking_line_lose_nothing_double_nothing_and_keep_each_keys_order()
    {
        const int keys = 12;
        const int each = 40;
        var dice = new ThreadLocal<Random>(() => new Random());
        bool Breaks() => dice.Value!.Next(8) == 0;
        Task Fail(Envelope message) => dice.Value!.Next(30) == 0 ? throw new InvalidOperationException("bad luck") : Task.CompletedTask;
        var patient = new RetryPauses([.. Enumerable.Repeat(TimeSpan.FromMilliseconds(10), 100)]);
        using var signal = new OutboxSignal();
        using var otherSignal = new OutboxSignal();
        await using var one = await RunningService.ConsumersAsync(fixture.Store, fixture.Open(patient), new EffectHandler(consumer, type, Fail));
        await using var two = await RunningService.ConsumersAsync(fixture.Store, fixture.Open(patient), new EffectHandler(consumer, type, Fail));
        await using var relay = await RunningService.RelayAsync(fixture.Store, new FailingBus(fixture.Open(patient), Breaks, Breaks), signal);
        await using var other = await RunningService.RelayAsync(fixture.Store, new FailingBus(fixture.Open(patient), Breaks, Breaks), otherSignal);

        await Task.WhenAll(Enumerable.Range(0, keys).Select(key => Task.Run(async () =>
        {
            for (var place = 1; place <= each; place++)
            {
                // The id is taken first and the commit comes any time later, so ids do not commit in their order.
                var message = Message($"k{key}", place);
                await Task.Delay(dice.Value!.Next(4));
                await WriteOutboxAsync(message);
                (place % 2 == 0 ? signal : otherSignal).Raise();
            }
        })));

        await Eventually.Async(async () => (await EffectsAsync("k%")).Length >= keys * each, TimeSpan.FromSeconds(60));
        for (var key = 0; key < keys; key++)
        {
            Assert.Equal(Enumerable.Range(1, each).Select(place => (long)place), await EffectsAsync($"k{key}"));
        }
    }

    private Task<RunningService> ConsumeAsync(IMessageHandler handler) => RunningService.ConsumersAsync(fixture.Store, fixture.Open(Short), handler);

    private async Task AssertEffectsAsync(string key, params long[] expected) => Assert.Equal(expected, await EffectsAsync(key));

    private async Task SendAsync(params Envelope[] messages)
    {
        await using var bus = new Disposable(fixture.Open(Short));
        var accepted = await bus.Bus.SendAsync(messages, CancellationToken.None);

        // Of thousands at once a bus may take some for now; a relay sends at most 256, and what is left again.
        for (var left = messages; accepted.Count < left.Length; accepted = await bus.Bus.SendAsync(left, CancellationToken.None))
        {
            Assert.NotEmpty(accepted);
            left = [.. left.Where(message => !accepted.Contains(message.Id))];
        }
    }

    private async Task WriteOutboxAsync(params Envelope[] messages)
    {
        await using var batch = fixture.Store.CreateBatch();
        batch.BatchCommands.Add(Outbox.Insert(messages));
        await batch.ExecuteNonQueryAsync();
    }

    private Task<long[]> EffectsAsync(string key, string? of = null) => fixture.Store.ScalarAsync<long[]>(
        $"select coalesce(array_agg(key_seq order by at), array[]::bigint[]) from effects where key like '{of ?? consumer}/{key}'");

    private Envelope Message(string key, long place) => new(Guid.CreateVersion7(), "acme", key, place, type, null, [1, 2, 3]);

    private sealed record Disposable(IBusTransport Bus) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => (Bus as IAsyncDisposable)?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
