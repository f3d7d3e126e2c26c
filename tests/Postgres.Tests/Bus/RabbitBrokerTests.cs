using System.Text;
using Mesh.Bus;
using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Mesh.TestKit;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Postgres.Tests.Bus;

/// <summary>What only a broker can do wrong, done to a real one.</summary>
public sealed class RabbitBrokerTests(RabbitBusFixture fixture) : IClassFixture<RabbitBusFixture>
{
    private static readonly RetryPauses Short = new(
        TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(20));

    private readonly string type = $"type-{Guid.NewGuid():N}";
    private readonly string consumer = $"c{Guid.NewGuid():N}"[..20];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_broker_that_is_killed_in_the_middle_loses_and_doubles_nothing()
    {
        const int keys = 20;
        const int each = 25;
        var hands = new[] { 8L, 16L }.ToDictionary(place => place, _ => new Hand());
        using var signal = new OutboxSignal();
        await using var consuming = await ConsumeAsync(new EffectHandler(
            consumer, type, message => message.Key == "k7" && hands.TryGetValue(message.KeySequence, out var hand) ? hand.HoldAsync() : Task.CompletedTask));
        await fixture.Server.RegisteredAsync();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);

        for (var place = 1; place <= each; place++)
        {
            await WriteOutboxAsync([.. Enumerable.Range(0, keys).Select(key => Message($"k{key}", place))]);
            signal.Raise();

            if (hands.TryGetValue(place, out var hand))
            {
                // A batch is in the consumer's hands, and not acknowledged.
                await hand.Held.WaitAsync(TimeSpan.FromSeconds(60), Stop);
                await fixture.Server.KillAsync();
                await WriteOutboxAsync([.. Enumerable.Range(0, keys).Select(key => Message($"late{place}-{key}", 1))]);
                hand.Release();
                await fixture.Server.StartAgainAsync();
            }
        }

        await Eventually.Async(async () => await CountAsync() >= (keys * each) + (2 * keys), TimeSpan.FromSeconds(90));
        Assert.Equal((keys * each) + (2 * keys), await CountAsync());

        for (var key = 0; key < keys; key++)
        {
            Assert.Equal(Enumerable.Range(1, each).Select(place => (long)place), await EffectsAsync($"k{key}"));
        }

        await Eventually.Async(async () => await fixture.Store.ScalarAsync<long>($"select count(*) from outbox where type = '{type}'") == 0);
    }

    [Fact]
    public async Task Connections_that_are_cut_again_and_again_lose_and_double_nothing()
    {
        using var signal = new OutboxSignal();
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);

        for (var place = 1; place <= 3; place++)
        {
            await WriteOutboxAsync([.. Enumerable.Range(0, 100).Select(key => Message($"k{key}", place))]);
            signal.Raise();
            await fixture.Server.ControlAsync("close_all_connections", "a test cuts them");
        }

        await Eventually.Async(async () => await CountAsync() >= 300, TimeSpan.FromSeconds(60));

        for (var key = 0; key < 100; key++)
        {
            Assert.Equal<long[]>([1, 2, 3], await EffectsAsync($"k{key}"));
        }
    }

    [Fact]
    public async Task Consumers_that_stop_in_turn_in_the_middle_keep_the_order_of_each_key_and_lose_nothing()
    {
        const int keys = 4;
        const int each = 150;
        var consumers = new Queue<RunningService>([await ConsumeAsync(Slow()), await ConsumeAsync(Slow())]);
        await using var bus = (RabbitBus)fixture.Open(Short);
        await bus.SendAsync([.. Enumerable.Range(0, keys).SelectMany(key => Enumerable.Range(1, each).Select(place => Message($"k{key}", place)))], Stop);

        for (var seen = 0L; seen < keys * each; seen = await CountAsync())
        {
            // The one that is handling goes, and another comes.
            var before = seen;
            await Eventually.Async(async () => await CountAsync() > before, TimeSpan.FromSeconds(60));
            await consumers.Dequeue().DisposeAsync();
            consumers.Enqueue(await ConsumeAsync(Slow()));
        }

        foreach (var consuming in consumers)
        {
            await consuming.DisposeAsync();
        }

        for (var key = 0; key < keys; key++)
        {
            Assert.Equal(Enumerable.Range(1, each).Select(place => (long)place), await EffectsAsync($"k{key}"));
        }

        EffectHandler Slow() => new(consumer, type, _ => Task.Delay(1, Stop));
    }

    [Fact]
    public async Task A_full_queue_refuses_and_what_it_refused_waits_in_the_outbox_in_its_order()
    {
        await using var bus = (RabbitBus)fixture.Open(Short);
        await bus.SubscribeAsync(consumer, [type], Stop);
        await fixture.Server.ControlAsync("set_policy", consumer, $"^mesh.{consumer}$", """{"max-length": 3}""", "--apply-to", "queues");
        using var signal = new OutboxSignal();
        await using var relay = await RunningService.RelayAsync(fixture.Store, fixture.Open(Short), signal);
        await WriteOutboxAsync([.. Enumerable.Range(1, 40).Select(place => Message("k", place))]);
        signal.Raise();

        await Eventually.Async(async () => await fixture.Store.ScalarAsync<bool>(
            $"select coalesce(max(attempts) > 1, false) and count(*) between 30 and 39 from outbox where type = '{type}'"));

        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await Eventually.Async(async () => await CountAsync() >= 40, TimeSpan.FromSeconds(60));
        Assert.Equal(Enumerable.Range(1, 40).Select(place => (long)place), await EffectsAsync("k"));
    }

    [Fact]
    public async Task A_broker_that_stops_confirming_is_given_up_and_what_it_had_taken_has_its_effect_once()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await using var bus = (RabbitBus)fixture.Open(Short);
        var message = Message("k", 1);
        await bus.SendAsync([Message("k", 0)], Stop);
        await Eventually.Async(async () => await CountAsync() == 1);

        await fixture.Server.FreezeAsync();

        try
        {
            await Assert.ThrowsAsync<TimeoutException>(() => bus.SendAsync([message], Stop));
        }
        finally
        {
            await fixture.Server.ThawAsync();
        }

        // It has read what was sent by now, and the sender cannot know.
        await Eventually.Async(async () => (await TrySendAsync(bus, message)).Contains(message.Id), TimeSpan.FromSeconds(60));
        await bus.SendAsync([Message("k", 2)], Stop);
        await Eventually.Async(async () => await CountAsync() >= 3);
        Assert.Equal<long[]>([0, 1, 2], await EffectsAsync("k"));
    }

    [Fact]
    public async Task While_the_consumers_store_is_away_the_broker_keeps_what_it_has_and_then_each_key_goes_on_in_its_order()
    {
        const int keys = 60;
        const int each = 5;
        var interruptions = new Interruptions();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(interruptions));
        await using var consuming = await RunningService.ConsumersAsync(
            fixture.Store, new RabbitBus(fixture.Server.Url, fixture.Store, Short, loggers), new EffectHandler(consumer, type));
        await using var sender = (RabbitBus)fixture.Open(Short);
        var messages = Enumerable.Range(0, keys).SelectMany(key => Enumerable.Range(1, each).Select(place => Message($"k{key}", place))).ToArray();

        await fixture.LetInAsync(false);

        try
        {
            Assert.Equal(messages.Length, (await sender.SendAsync(messages, Stop)).Count);

            // More often than a message may be delivered in vain, several times over.
            await Eventually.Async(() => interruptions.Count > 4 * Topology.DeliveryLimit, TimeSpan.FromSeconds(120));

            // And yet none of it counted as a delivery.
            var queues = await fixture.Server.ControlAsync("list_queues", "--quiet", "name", "messages");
            Assert.Contains($"mesh.{consumer}\t{messages.Length}", queues, StringComparison.Ordinal);
            Assert.Contains($"mesh.{consumer}.dead\t0", queues, StringComparison.Ordinal);
        }
        finally
        {
            await fixture.LetInAsync(true);
        }

        await Eventually.Async(async () => await CountAsync() >= keys * each, TimeSpan.FromSeconds(60));

        for (var key = 0; key < keys; key++)
        {
            Assert.Equal(Enumerable.Range(1, each).Select(place => (long)place), await EffectsAsync($"k{key}"));
        }

        // Nothing of it was anybody's fault: no attempt was counted, here or there.
        Assert.Equal(0, await fixture.Store.ScalarAsync<long>($"select count(*) from deferred where consumer = '{consumer}'"));
        Assert.Equal(new QueueDepth(0, 0, 0), await sender.Depths.LookAsync(consumer, Stop));
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_parked_with_their_reason_and_hold_up_nobody()
    {
        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await using var connection = await new ConnectionFactory { Uri = fixture.Server.Url }.CreateConnectionAsync(Stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        var good = Headers("acme", "k", 1L);
        (string Reason, BasicProperties Properties, byte[] Body)[] hostile =
        [
            ("message-id", new() { Type = type, Headers = good, MessageId = "no uuid" }, [1]),
            ("message-id", new(), [2]),
            ("mesh-tenant", new() { Type = type, MessageId = NewId() }, [3]),
            ("mesh-tenant", new() { Type = type, MessageId = NewId(), Headers = Headers(new string('a', 600), "k", 1L) }, [4]),
            ("mesh-tenant", new() { Type = type, MessageId = NewId(), Headers = Headers("ac\0me", "k", 1L) }, [5]),
            ("mesh-key is", new() { Type = type, MessageId = NewId(), Headers = Headers("acme", null, 1L) }, [6]),
            ("mesh-key-seq", new() { Type = type, MessageId = NewId(), Headers = Headers("acme", "k", "one") }, [7]),
            ("property type", new() { MessageId = NewId(), Headers = good }, [8]),
            ("takes the type", new() { MessageId = NewId(), Headers = good, Type = "mesh.facts.v9.Unheard" }, [9]),
            ("property type", new() { MessageId = NewId(), Headers = good, Type = "nul\0" }, [10]),
            ("message-id", new() { Type = type, MessageId = "twin" }, []),
            ("message-id", new() { Type = "other", MessageId = "twin2", Headers = good }, []),
            ("at most 1048576", new() { Type = type, MessageId = NewId(), Headers = good }, new byte[Envelope.BodyBytesMax + 1]),
        ];

        foreach (var (_, properties, body) in hostile)
        {
            await channel.BasicPublishAsync(type, "", mandatory: true, properties, body, Stop);
        }

        // Of the last moment that an id can name, and a message all the same.
        await channel.BasicPublishAsync(
            type, "", mandatory: true, new BasicProperties { Type = type, MessageId = "ffffffff-ffff-7fff-bfff-ffffffffffff", Headers = Headers("acme", "late", 1L) }, new byte[] { 1 }, Stop);

        await using var bus = (RabbitBus)fixture.Open(Short);
        await bus.SendAsync([Message("other", 1)], Stop);
        await Eventually.Async(async () => await CountAsync() == 2);
        IReadOnlyList<DeadLetter> parked = [];
        await Eventually.Async(async () => (parked = await bus.DeadLetters.ListAsync(consumer, stop: Stop)).Count == hostile.Length, TimeSpan.FromSeconds(20));

        foreach (var reason in hostile.GroupBy(one => one.Reason))
        {
            Assert.Equal(reason.Count(), parked.Count(one => one.Error.Split(" It came as ")[0].Contains(reason.Key, StringComparison.Ordinal)));
        }

        // Two with the same body are two, and each says what it came as.
        Assert.Single(parked, one => one.Error.Contains("message-id \"twin\", type", StringComparison.Ordinal));
        Assert.Single(parked, one => one.Error.Contains("message-id \"twin2\", type \"other\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_message_that_never_gets_an_answer_leaves_the_queue_after_eight_deliveries_and_is_tried_on()
    {
        await using (var bus = (RabbitBus)fixture.Open(Short))
        {
            await bus.SubscribeAsync(consumer, [type], Stop);
            await bus.SendAsync([Message("k", 1)], Stop);
        }

        await using (var connection = await new ConnectionFactory { Uri = fixture.Server.Url }.CreateConnectionAsync(Stop))
        {
            // What a consumer does that dies each time.
            for (var delivery = 1; delivery <= 9; delivery++)
            {
                await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
                var delivered = new TaskCompletionSource();
                var victim = new AsyncEventingBasicConsumer(channel);
                victim.ReceivedAsync += (_, _) =>
                {
                    delivered.TrySetResult();
                    return Task.CompletedTask;
                };
                await channel.BasicConsumeAsync($"mesh.{consumer}", autoAck: false, victim, Stop);
                await delivered.Task.WaitAsync(TimeSpan.FromSeconds(20), Stop);
            }

            // Not in its queue any more, and in the other one.
            await using var look = await connection.CreateChannelAsync(cancellationToken: Stop);
            await Eventually.Async(async () => (await look.QueueDeclarePassiveAsync($"mesh.{consumer}.dead", Stop)).MessageCount == 1);
            Assert.Equal(0u, (await look.QueueDeclarePassiveAsync($"mesh.{consumer}", Stop)).MessageCount);
        }

        await using var consuming = await ConsumeAsync(new EffectHandler(consumer, type));
        await Eventually.Async(async () => await CountAsync() == 1);
    }

    private static string NewId() => Guid.CreateVersion7().ToString("D");

    private static Dictionary<string, object?> Headers(string tenant, string? key, object sequence) => new()
    {
        ["mesh-tenant"] = tenant,
        ["mesh-key"] = key is null ? null : Encoding.UTF8.GetBytes(key),
        ["mesh-key-seq"] = sequence,
    };

    private static async Task<IReadOnlySet<Guid>> TrySendAsync(RabbitBus bus, Envelope message)
    {
        try
        {
            return await bus.SendAsync([message], Stop);
        }
        catch (TimeoutException)
        {
            return new HashSet<Guid>();
        }
    }

    private Task<RunningService> ConsumeAsync(IMessageHandler handler) => RunningService.ConsumersAsync(fixture.Store, fixture.Open(Short), handler);

    private async Task WriteOutboxAsync(params Envelope[] messages)
    {
        await using var batch = fixture.Store.CreateBatch();
        batch.BatchCommands.Add(Outbox.Insert(messages));
        await batch.ExecuteNonQueryAsync(Stop);
    }

    private Task<long> CountAsync() => fixture.Store.ScalarAsync<long>($"select count(*) from effects where key like '{consumer}/%'");

    private Task<long[]> EffectsAsync(string key) => fixture.Store.ScalarAsync<long[]>(
        $"select coalesce(array_agg(key_seq order by at), array[]::bigint[]) from effects where key = '{consumer}/{key}'");

    private Envelope Message(string key, long place) => new(Guid.CreateVersion7(), "acme", key, place, type, null, [1, 2, 3]);

    /// <summary>How often a consumer had to begin anew.</summary>
    private sealed class Interruptions : ILoggerProvider, ILogger
    {
        private int count;

        public int Count => Volatile.Read(ref count);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "ConsumerInterrupted")
            {
                Interlocked.Increment(ref count);
            }
        }

        public void Dispose()
        {
            // Nothing to end.
        }
    }

    // Keeps a message until a test lets it go.
    private sealed class Hand
    {
        private readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Held => held.Task;

        public Task HoldAsync()
        {
            held.TrySetResult();
            return released.Task;
        }

        public void Release() => released.TrySetResult();
    }
}
