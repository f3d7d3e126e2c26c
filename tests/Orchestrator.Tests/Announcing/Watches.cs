using Mesh.Orchestrator.Announcing;
using Mesh.Orchestrator.Lifecycle;

namespace Mesh.Orchestrator.Tests.Announcing;

/// <summary>Those who wait for a task are woken, and leave nothing behind.</summary>
public sealed class Watches
{
    private readonly TaskSignals signals = new(Lives.New());
    private readonly TaskKey task = new("acme", Guid.CreateVersion7());

    [Fact]
    public async Task What_happens_between_the_look_and_the_wait_is_not_missed()
    {
        using var one = signals.Watch(task);
        using var other = signals.Watch(task);
        var (first, second) = (one.Next(), other.Next());

        signals.Raise(task);

        await Task.WhenAll(first, second);
        Assert.False(one.Next().IsCompleted);
    }

    [Fact]
    public void A_task_is_forgotten_with_the_last_one_who_watches_it()
    {
        var one = signals.Watch(task);
        var other = signals.Watch(task);
        _ = one.Next();

        one.Dispose();
        Assert.Equal(1, signals.Count);
        other.Dispose();

        Assert.Equal(0, signals.Count);
    }
}
