namespace Mesh.Orchestrator.Tests.Played;

/// <summary>A clock whose pauses are over at once, or never: time goes on only by what is waited for.</summary>
public sealed class PlayedClock : TimeProvider
{
    private readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long waitedTicks;

    /// <summary>Whether pauses last for ever.</summary>
    public bool HoldsPauses { get; init; }

    /// <summary>Somebody has begun a pause that lasts for ever.</summary>
    public Task SomebodyPauses => held.Task;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow.AddTicks(Interlocked.Read(ref waitedTicks));

    public override long GetTimestamp() =>
        System.GetTimestamp() + (long)(TimeSpan.FromTicks(Interlocked.Read(ref waitedTicks)).TotalSeconds * TimestampFrequency);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (HoldsPauses)
        {
            held.TrySetResult();
            return new Timer(_ => { }, null, Timeout.Infinite, Timeout.Infinite);
        }

        Interlocked.Add(ref waitedTicks, dueTime.Ticks);
        return new Timer(_ => callback(state), null, 0, Timeout.Infinite);
    }
}
