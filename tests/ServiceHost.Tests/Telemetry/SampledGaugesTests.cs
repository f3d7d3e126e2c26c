using Mesh.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.ServiceHost.Tests.Telemetry;

public sealed class SampledGaugesTests
{
    [Fact]
    public async Task A_store_is_asked_nothing_before_somebody_reads_and_no_more_once_nobody_does()
    {
        var clock = new HandClock();
        using var gauges = new Looks(clock);
        await gauges.StartAsync(TestContext.Current.CancellationToken);
        await clock.MoveAsync(TimeSpan.FromHours(1));
        Assert.Equal(0, gauges.Count);

        gauges.Look();
        await Eventually.Async(() => gauges.Count == 1, TimeSpan.FromSeconds(60));

        // Read once: looked at for five minutes, every half a minute, and then forgotten.
        await Eventually.Async(async () => await clock.MoveAsync(TimeSpan.FromSeconds(30)) && gauges.IsForgotten, TimeSpan.FromSeconds(60));
        Assert.InRange(gauges.Count, 1, 11);

        gauges.Look();
        await Eventually.Async(() => !gauges.IsForgotten, TimeSpan.FromSeconds(60));
        await gauges.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task What_cannot_be_looked_at_has_no_value_until_it_can()
    {
        var clock = new HandClock();
        using var gauges = new Looks(clock);
        await gauges.StartAsync(TestContext.Current.CancellationToken);
        gauges.Look();
        await Eventually.Async(() => !gauges.IsForgotten, TimeSpan.FromSeconds(60));

        gauges.Fails = true;
        await Eventually.Async(async () => await clock.MoveAsync(TimeSpan.FromSeconds(30)) && gauges.IsForgotten, TimeSpan.FromSeconds(60));

        gauges.Fails = false;
        gauges.Look();
        await Eventually.Async(async () => await clock.MoveAsync(TimeSpan.FromSeconds(30)) && !gauges.IsForgotten, TimeSpan.FromSeconds(60));
        await gauges.StopAsync(CancellationToken.None);
    }

    private sealed class Looks(TimeProvider clock) : SampledGauges(clock, NullLogger.Instance)
    {
        private int count;
        private volatile bool isForgotten = true;

        public int Count => Volatile.Read(ref count);

        public bool IsForgotten => isForgotten;

        public bool Fails { get; set; }

        public void Look() => Read();

        protected override Task SampleAsync(CancellationToken stop)
        {
            if (Fails)
            {
                throw new InvalidOperationException("the store is away");
            }

            isForgotten = false;
            Interlocked.Increment(ref count);
            return Task.CompletedTask;
        }

        protected override void Forget() => isForgotten = true;
    }

    /// <summary>A clock that moves when a test says so, and then lets whatever was due run.</summary>
    private sealed class HandClock : TimeProvider
    {
        private readonly Lock gate = new();
        private readonly List<Timer> timers = [];
        private long now = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(this, () => callback(state));
            timer.Change(dueTime, period);
            return timer;
        }

        public async Task<bool> MoveAsync(TimeSpan by)
        {
            Interlocked.Add(ref now, by.Ticks);
            List<Timer> due;

            lock (gate)
            {
                due = [.. timers.Where(timer => timer.DueAt <= now)];
                due.ForEach(timer => timers.Remove(timer));
            }

            due.ForEach(timer => timer.Ring());
            await Task.Yield();
            return true;
        }

        private sealed class Timer(HandClock clock, Action ring) : ITimer
        {
            public long DueAt { get; private set; }

            public void Ring() => ring();

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                lock (clock.gate)
                {
                    clock.timers.Remove(this);

                    if (dueTime >= TimeSpan.Zero)
                    {
                        DueAt = clock.GetTimestamp() + dueTime.Ticks;
                        clock.timers.Add(this);
                    }
                }

                return true;
            }

            public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
